"""Measures moodline on this machine: ``python -m bench``. Both sides of every ratio are measured in one run."""
