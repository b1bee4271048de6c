"""Inference engines: the same model, run by different libraries."""
