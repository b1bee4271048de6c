"""A worker for a long time, while everything around it changes: is what it uses flat? ``python -m bench.soak``."""
