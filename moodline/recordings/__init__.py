"""A recorded video analysed from its first frame to its last, and what is left of it: tables, a plot, a report.

The way is that of every stream: ingest reads the recording and waits for room instead of dropping, the crops go
through their queue to whatever worker runs, and the events are collected from the feed, each once, into a folder.
"""
