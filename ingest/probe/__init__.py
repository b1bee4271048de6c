"""A short look at one source: what it is, how soon it answers, whether faces are seen. Needs no Redis."""
