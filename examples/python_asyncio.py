"""Follows moodline's event feed with asyncio, beside other tasks: REDIS_URL=redis://... python python_asyncio.py."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import redis.asyncio as redis
from redis.exceptions import ConnectionError as RedisAwayError

FEED = "moodline:{p0}:feed"  # with more partitions: {p1}, {p2} and so on as well
BLOCK_MS = 5000
AGAIN_AFTER_S = 1.0


async def events(server: "redis.Redis") -> AsyncIterator[dict[str, Any]]:
    """Yield the events that come from now on; none is lost while Redis is away, as far as the feed reaches back."""
    newest: Any = await server.xrevrange(FEED, count=1)
    last: str = newest[0][0] if newest else "0"
    while True:
        try:
            found: Any = await server.xread({FEED: last}, count=100, block=BLOCK_MS)
        except RedisAwayError:
            await asyncio.sleep(AGAIN_AFTER_S)
            continue
        for _, entries in found:
            for entry_id, fields in entries:
                last = entry_id
                yield json.loads(fields["event"])


async def print_events(server: "redis.Redis", seen: Counter[str]) -> None:
    """Print each event as a line of JSON, and count the emotions."""
    async for event in events(server):
        if event["kind"] == "emotion":
            seen[event["emotion"]] += 1
        print(json.dumps(event), flush=True)


async def print_totals(seen: Counter[str], every_s: float) -> None:
    """Say now and then what was seen so far: the loop is free for this while nothing comes."""
    while True:
        await asyncio.sleep(every_s)
        print("#", dict(seen), flush=True)


async def main() -> None:
    """Follow until Ctrl-C."""
    seen: Counter[str] = Counter()
    url = os.environ["REDIS_URL"]
    server = redis.Redis.from_url(url, decode_responses=True, protocol=2, socket_timeout=None)
    async with server, asyncio.TaskGroup() as tasks:
        tasks.create_task(print_events(server, seen))
        tasks.create_task(print_totals(seen, every_s=60))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
