"""Does what is long, few and retried: analyses recorded videos and trains, one job at a time.

A job's work is done by processes of the services (``python -m ingest``, ``python -m trainer``), which end with this
one however it ends; here is only who starts, watches and stops them.
"""
