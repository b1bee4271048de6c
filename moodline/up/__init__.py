"""``moodline up``: everything on one machine, with one command.

``run`` is the story: find the streams and ports, start Redis and the services, watch the events until the
sources have ended or somebody stops it, stop in order, and say what came of it.
"""
