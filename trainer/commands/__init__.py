"""The commands of `python -m trainer`, which `moodline train`, `evaluate`, `data` and `models` hand over to."""
