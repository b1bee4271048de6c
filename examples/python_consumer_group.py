"""Shares moodline's events among several processes: REDIS_URL=redis://... python python_consumer_group.py GROUP NAME.

Each event goes to one process of the group. It is acknowledged after the work; what a process had not acknowledged when
it died, another takes over after a minute. So every event is handled at least once: work that must not be done twice
remembers the ids. The group begins with what comes after it was made, and lives in Redis.
"""

import json
import os
import sys
from typing import Any

import redis
from redis.exceptions import ResponseError

FEED = "moodline:{p0}:feed"  # with more partitions: {p1}, {p2} and so on as well
BLOCK_MS = 5000
DEAD_AFTER_MS = int(os.environ.get("DEAD_AFTER_MS", "60000"))


def make_group(server: "redis.Redis", group: str) -> None:
    """Make the group, unless it is there."""
    try:
        server.xgroup_create(FEED, group, id="$", mkstream=True)
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


def handle(event: dict[str, Any]) -> None:
    """Do the work: here, print the event as a line of JSON."""
    print(json.dumps(event), flush=True)


def work(server: "redis.Redis", group: str, entries: Any) -> None:
    """Handle entries and acknowledge each. One that the feed has let go of meanwhile has no content."""
    for entry_id, fields in entries:
        if fields:
            handle(json.loads(fields["event"]))
        server.xack(FEED, group, entry_id)


def main(group: str, name: str) -> None:
    """Work until Ctrl-C."""
    server = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True, protocol=2, socket_timeout=None)
    make_group(server, group)
    while True:
        left: Any = server.xautoclaim(FEED, group, name, min_idle_time=DEAD_AFTER_MS, count=100)
        work(server, group, left[1])
        found: Any = server.xreadgroup(group, name, {FEED: ">"}, count=100, block=BLOCK_MS)
        for _, entries in found:
            work(server, group, entries)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
