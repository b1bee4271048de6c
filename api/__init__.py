"""Shows what moodline sees: a REST API, live events by SSE and WebSocket, metrics and the dashboard.

Reads summaries, ledgers and feeds through ``moodline``, and relays the pictures of browsers' webcams to ingest.
"""
