"""Shows what moodline sees: a REST API, live events by SSE and WebSocket, metrics and the dashboard.

Reads summaries, ledgers and feeds through ``moodline``; changes nothing in Redis.
"""
