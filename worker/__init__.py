"""Takes crops from the queues, classifies them in batches, commits them as emotion events."""
