"""Video sources, one module each, behind the protocol of ``ingest.sources.base``."""
