"""The ingest hosts that share the streams: what each says of itself, for the others and for the API.

It is only a hint who should read what. What keeps two from reading one stream is the reader's lease
(moodline.crop_queue).
"""

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, cast

from moodline.broker import Broker
from moodline.keys import INGESTS_KEY, ingest_key

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IngestHost:
    """What an ingest host says of itself.

    ``wants``: the streams that it would read; ``done``: recordings that have been read to their end; ``declares``: the
    streams of its ``file``, and whether they are enabled; ``refuses``: streams added at run time that it cannot read,
    each with a sentence.
    """

    owner: str
    wants: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    declares: Mapping[str, bool] = field(default_factory=dict)
    refuses: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    up_s: float = 0.0


def announce(broker: Broker, host: IngestHost, lease: timedelta) -> None:
    """Tell the others of ``host``; forgotten after ``lease``, unless it is told again. Raises BrokerError."""
    told = {
        "wants": sorted(host.wants),
        "done": sorted(host.done),
        "declares": dict(host.declares),
        "refuses": dict(host.refuses),
        "file": host.file,
        "up_s": round(host.up_s, 1),
    }
    with broker.errors():
        broker.client.set(ingest_key(host.owner), json.dumps(told), px=lease)
        broker.client.sadd(INGESTS_KEY, host.owner)


def withdraw(broker: Broker, owner: str) -> None:
    """Take back what was announced. Raises BrokerError."""
    with broker.errors():
        broker.client.srem(INGESTS_KEY, owner)
        broker.client.delete(ingest_key(owner))


def ingest_hosts(broker: Broker) -> dict[str, IngestHost]:
    """Return the hosts that live, by their owners. Raises BrokerError."""
    with broker.errors():
        owners = sorted(name.decode() for name in cast("set[bytes]", broker.client.smembers(INGESTS_KEY)))
        told = _all_of(broker, [("get", ingest_key(owner)) for owner in owners])
    said = ((owner, _host(owner, text)) for owner, text in zip(owners, told, strict=True) if text is not None)
    return {owner: host for owner, host in said if host is not None}


def forget_dead(broker: Broker, alive: Collection[str]) -> None:
    """Take those who are no longer there off the list of hosts. Raises BrokerError."""
    with broker.errors():
        known = {name.decode() for name in cast("set[bytes]", broker.client.smembers(INGESTS_KEY))}
        for owner in known.difference(alive):
            if not broker.client.exists(ingest_key(owner)):
                broker.client.srem(INGESTS_KEY, owner)


def readers(broker: Broker, streams: Collection[str]) -> dict[str, str]:
    """Return who holds the reader's lease of each of ``streams`` that is being read. Raises BrokerError."""
    asked = list(streams)
    partitions = sorted({broker.keys_of(name) for name in asked}, key=lambda keys: keys.prefix)
    clocks = [("hmget", keys.of_partition("state"), "clock_noted", "clock_ahead") for keys in partitions]
    leases = [("hmget", broker.keys_of(name).of_stream("reader", name), "owner", "deadline") for name in asked]
    with broker.errors():
        seconds, microseconds = broker.client.time()
        said = _all_of(broker, [*clocks, *leases])
    wall = seconds * 1000 + microseconds // 1000
    now = {
        keys: _partition_clock(wall, *clock) for keys, clock in zip(partitions, said[: len(partitions)], strict=True)
    }
    held = zip(asked, said[len(partitions) :], strict=True)
    # A key's own time to live is too long where the server's clock was put back; the scripts look at the deadline, too.
    return {
        stream: owner.decode()
        for stream, (owner, deadline) in held
        if owner and int(deadline or 0) > now[broker.keys_of(stream)]
    }


def _partition_clock(wall: int, noted: bytes | None, ahead: bytes | None) -> int:
    """Return a partition's time in milliseconds as its scripts reckon it (common.lua)."""
    return int(ahead or 0) + max(wall, int(noted or 0))


def _all_of(broker: Broker, commands: list[tuple[str, ...]]) -> list[Any]:
    """Send commands of whatever nodes in one go; the pipeline of a cluster sorts them."""
    if not commands:
        return []
    pipeline = broker.client.pipeline(transaction=False)
    for command, *arguments in commands:
        getattr(pipeline, command)(*arguments)
    return pipeline.execute()


def _host(owner: str, text: bytes) -> IngestHost | None:
    """Return what a host said; fields of a newer version are passed over. None for what no host says."""
    known = {member.name for member in fields(IngestHost)} - {"owner"}
    try:
        told = {name: value for name, value in json.loads(text).items() if name in known}
        told |= {name: frozenset(map(str, told[name])) for name in ("wants", "done") if name in told}
        told |= {name: dict(told[name]) for name in ("declares", "refuses") if name in told}
        if "up_s" in told:
            told["up_s"] = float(told["up_s"])
        return IngestHost(owner=owner, **told)
    except (ValueError, TypeError, AttributeError, RecursionError):
        log.debug("What stands in Redis of the ingest host %s cannot be understood and is passed over.", owner)
        return None
