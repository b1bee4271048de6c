"""What can be wrong with an installation, looked at before it hurts."""
