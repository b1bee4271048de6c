"""Reads the event feeds of all partitions at once, on one server or over the nodes of a cluster."""

import time
from collections.abc import Mapping
from typing import Any, Final, cast

from moodline.broker import Broker

Entries = list[tuple[str, list[Any]]]

_SHORTEST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 0.1


def read_feeds(broker: Broker, after: Mapping[str, str], *, count: int, block_ms: int | None) -> Entries:
    """Return pairs of feed and new entries for those feeds that have some. ``after``: feed -> last entry known.

    Waits up to ``block_ms`` for the first entry; None does not wait. Raises BrokerError.
    """
    if not broker.cluster or len(after) == 1:
        return _read(broker, after, count=count, block_ms=block_ms)
    return _read_one_by_one(broker, after, count=count, block_ms=block_ms)


def _read_one_by_one(broker: Broker, after: Mapping[str, str], *, count: int, block_ms: int | None) -> Entries:
    """Read feeds in different slots: no single command may name two of them, nor block on more than one."""
    deadline = time.monotonic() + (block_ms or 0) / 1000
    pause_s = _SHORTEST_PAUSE_S
    while True:
        found: Entries = []
        for feed, place in after.items():
            found += _read(broker, {feed: place}, count=count, block_ms=None)
        left = deadline - time.monotonic()
        if found or left <= 0:
            return found
        time.sleep(min(pause_s, left))
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _read(broker: Broker, after: Mapping[str, str], *, count: int, block_ms: int | None) -> Entries:
    with broker.errors():
        reply = cast("Any", broker.client.xread(cast("Any", after), count=count, block=block_ms))
    if not reply:
        return []
    # XREAD answers a list under RESP2 and a map under RESP3, whose values have one more level.
    if isinstance(reply, Mapping):
        pairs = [(name, entries[0] if len(entries) == 1 else entries) for name, entries in reply.items()]
    else:
        pairs = [(name, entries) for name, entries in reply]
    return [(name.decode(), entries) for name, entries in pairs]
