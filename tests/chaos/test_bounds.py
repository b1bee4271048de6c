"""Every key of a busy system is bounded, as ``KEY_KINDS`` says: by a time to live, a length, or what it stands for."""

from collections.abc import Callable
from typing import Any

import pytest

from moodline.broker import Broker
from moodline.keys import API_KEYS_KEY, KEY_KINDS, NAMESPACE, PARTITIONS_KEY
from moodline.settings import ApiSettings
from moodline.streams import stream_ids
from tests.chaos.conftest import KEY, Fleet, FragileServer
from tests.support.brokers import broker_on, client_of
from tests.support.chaos import LIVE, Feeder, drained
from tests.support.judging import drop_as, take_one, work_queue
from tests.support.wait import wait_until

FEED_MAX, DEAD_MAX = 100, 5
STREAM_NODE = 100
"""Redis trims whole nodes of a stream, which hold up to this many entries."""
MOST_CROPS = 400
DAY_S = 86_400
LASTING = {
    "reader",
    "ledger",
    "info",
    "tracks",
    "deadlines",
    "sum",
    "streams",
    "feed",
    "dead",
    "state",
    "hand",
    "hands",
}
"""Kinds that a busy system always has; the others come and go between two looks."""

Bounded = Callable[[Any, str, int], bool]


def has_ttl(most_s: int) -> Bounded:
    return lambda client, name, _streams: client.ttl(name) != -1 and client.ttl(name) <= most_s  # -2: it has ended


def is_short(most: int) -> Bounded:
    return lambda client, name, _streams: length(client, name) <= most


def one_a_stream(client: Any, name: str, streams: int) -> bool:
    return length(client, name) <= streams


def length(client: Any, name: str) -> int:
    count: dict[str, Callable[[str], int]] = {
        "stream": client.xlen,
        "hash": client.hlen,
        "zset": client.zcard,
        "list": client.llen,
        "set": client.scard,
        "none": lambda _name: 0,  # it has ended meanwhile
    }
    return count[client.type(name).decode()](name)


BOUNDS: dict[str, Bounded] = {
    "queue": is_short(MOST_CROPS),
    "reader": has_ttl(DAY_S),
    "hand": has_ttl(DAY_S),
    "ledger": is_short(9),
    "info": is_short(40),
    "pending": is_short(MOST_CROPS),
    "tracks": is_short(MOST_CROPS),
    "attempts": is_short(MOST_CROPS),
    "sum": has_ttl(730 * DAY_S),
    "ready": one_a_stream,
    "hands": one_a_stream,
    "deadlines": is_short(MOST_CROPS),
    "streams": one_a_stream,
    "declared": is_short(ApiSettings().max_streams),
    "webcam": has_ttl(5),
    "webcams": is_short(ApiSettings().max_webcams),
    "look": has_ttl(5),
    "preview": has_ttl(3),
    "bell": is_short(8),
    "feed": is_short(FEED_MAX + STREAM_NODE),
    "dead": is_short(DEAD_MAX + STREAM_NODE),
    "state": is_short(16),
}


@pytest.fixture
def bounded(server: FragileServer, monkeypatch: pytest.MonkeyPatch) -> Broker:
    monkeypatch.setenv("MOODLINE_REDIS__FEED_MAX_EVENTS", str(FEED_MAX))
    monkeypatch.setenv("MOODLINE_REDIS__DEAD_LETTER_MAX", str(DEAD_MAX))
    return broker_on(server.server, seal_key=KEY, feed_max_events=FEED_MAX, dead_letter_max=DEAD_MAX)


def test_every_key_of_a_busy_system_is_bounded(bounded: Broker, fleet: Fleet, seed: int) -> None:
    feeder = Feeder(bounded, seed)
    bury_some(bounded, feeder)
    dying = fleet.start(batch_ms=30)
    seen: set[str] = set()
    with feeder.feeding(pause_s=0.001):
        wait_until(lambda: sequence(bounded) > 3 * FEED_MAX, description="the feed is full", timeout=60)
        fleet.kill(dying)
        fleet.start(batch_ms=30)
        wait_until(lambda: look(bounded, seen) >= LASTING, description="keys of all lasting kinds", timeout=60)
    wait_until(lambda: drained(bounded), description="everything is worked off", timeout=60)
    look(bounded, seen)


def test_every_kind_of_key_has_its_bound_here() -> None:
    assert BOUNDS.keys() == KEY_KINDS.keys()


def bury_some(broker: Broker, feeder: Feeder) -> None:
    """Set some crops aside, more than the dead-letter feed shall hold."""
    for _ in range(STREAM_NODE):
        feeder.step(feeder.sources["rec-1"])
        queue = work_queue(broker)
        while (taken := take_one(queue, room=1)) is not None:
            drop_as(queue, taken.hand, taken.entries[0], "for the test")
    for source in feeder.sources.values():
        source.accepted.clear()


def sequence(broker: Broker) -> int:
    return int(client_of(broker).hget(broker.all_keys()[0].of_partition("state"), "sequence") or 0)


def look(broker: Broker, seen: set[str]) -> set[str]:
    """Check all keys that are there now, and return the kinds that have been seen so far."""
    client, streams = client_of(broker), len(stream_ids(broker))
    assert streams <= len(LIVE) + 3
    for name in [key.decode() for key in client.scan_iter(match=f"{NAMESPACE}*")]:
        if name in (PARTITIONS_KEY, API_KEYS_KEY):
            continue
        kind = name.split(":")[2]
        assert BOUNDS[kind](client, name, streams), f"{name}: {length(client, name)}"
        seen.add(kind)
    return seen
