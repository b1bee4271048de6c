"""The contract that moodline's services share: settings, keys, crops, events, queues, metrics.

Imports no service: ``ingest``, ``worker``, ``trainer`` and ``api`` import it, never the other way round.
"""

__version__ = "0.1.0"
