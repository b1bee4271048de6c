"""Faces with emotion labels in; a calibrated, versioned VGG out."""
