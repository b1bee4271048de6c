"""Deletes what Redis holds of one stream: all of it, or what is older than a time.

Queue, tracks, ledger and lease go through the script ``remove``, so that the promise holds: each crop that waited is
counted as ``removed``. Events, summaries and dead letters are no part of a ledger and are deleted here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from moodline.broker import Broker
from moodline.errors import LeaseHeldError
from moodline.keys import PartitionKeys

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Purged:
    """What was deleted, or with a dry run what would be. ``declared``: the stream itself, added at run time, too."""

    crops: int
    events: int
    buckets: int
    dead_letters: int
    declared: bool = False


def purge(broker: Broker, stream: str, *, before: datetime | None, dry_run: bool, force: bool = False) -> Purged:
    """Delete a stream; with ``before`` only its events, summaries and dead letters that are older.

    One that was added at run time is none afterwards; one of the configuration file is read as long as it is there.
    Raises LeaseHeldError where somebody reads the stream as a whole is to be deleted, unless ``force`` is set.
    """
    keys = broker.keys_of(stream)
    crops, declared = 0, False
    if before is None:
        _check_unread(broker, keys, stream, force=force)
        crops, declared = _remove(broker, keys, stream, dry_run=dry_run)
    with broker.errors():
        events = [entry for entry, fields in _entries(broker, keys.of_partition("feed")) if _of(fields, stream, before)]
        dead = [
            entry
            for entry, fields in _entries(broker, keys.of_partition("dead"))
            if fields.get(b"stream") == stream.encode() and (before is None or _written_ms(entry) < _ms(before))
        ]
        buckets = list(_buckets(broker, keys, stream, before))
        if not dry_run:
            _delete_entries(broker, keys.of_partition("feed"), events)
            _delete_entries(broker, keys.of_partition("dead"), dead)
            for start in range(0, len(buckets), _CHUNK):
                broker.client.delete(*buckets[start : start + _CHUNK])
    return Purged(crops, events=len(events), buckets=len(buckets), dead_letters=len(dead), declared=declared)


def forget(broker: Broker, stream: str) -> None:
    """Delete a stream and its summaries; its events stay, for without them the feed's sequence would have holes."""
    remove_stream(broker, stream)
    with broker.errors():
        buckets = list(_buckets(broker, broker.keys_of(stream), stream, None))
        for start in range(0, len(buckets), _CHUNK):
            broker.client.delete(*buckets[start : start + _CHUNK])


def remove_stream(broker: Broker, stream: str, *, undeclare: bool = False) -> None:
    """End a stream: its reader's token is revoked, what is queued is dropped, its tracks leave, its ledger is folded.

    ``undeclare``: it is also taken off the streams that were added at run time. Raises BrokerError.
    """
    common = {"stream": stream, "limit": _CHUNK, "feed_max": broker.settings.feed_max_events, "undeclare": undeclare}
    # In chunks, since a script blocks the server while it runs.
    while broker.run("remove", broker.keys_of(stream), **common):
        pass


def _check_unread(broker: Broker, keys: PartitionKeys, stream: str, *, force: bool) -> None:
    with broker.errors():
        owner = cast("bytes | None", broker.client.hget(keys.of_stream("reader", stream), "owner"))
    if owner is not None and not force:
        raise LeaseHeldError(
            f"Stream {stream} is being read by {owner.decode()} and would be back at once: take it out of the "
            f"configuration first (`moodline streams remove {stream}` if it was added at run time), or give --force."
        )


def _remove(broker: Broker, keys: PartitionKeys, stream: str, *, dry_run: bool) -> tuple[int, bool]:
    """Return how many crops were queued, and whether the stream was added at run time."""
    with broker.errors():
        queued = broker.client.xlen(keys.of_stream("queue", stream))
        declared = broker.client.hexists(keys.of_partition("declared"), stream)
    if not dry_run:
        remove_stream(broker, stream, undeclare=True)
    return queued, declared


def _entries(broker: Broker, key: str) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    first = "-"
    while entries := cast("list[Any]", broker.client.xrange(key, min=first, count=_CHUNK)):
        yield from entries
        first = f"({entries[-1][0].decode()}"


def _of(fields: dict[bytes, bytes], stream: str, before: datetime | None) -> bool:
    """Whether an entry of the feed is to be deleted; what somebody else wrote there is no event of any stream."""
    try:
        event = json.loads(fields[b"event"])
        return event["stream"] == stream and (before is None or datetime.fromisoformat(event["captured_at"]) < before)
    except (KeyError, ValueError, TypeError, RecursionError):
        return False


def _buckets(broker: Broker, keys: PartitionKeys, stream: str, before: datetime | None) -> Iterator[bytes]:
    """Yield the summaries' keys; before a time, those of the buckets that had ended by then."""
    for name in broker.client.scan_iter(match=f"{keys.of_stream('sum', stream)}:*", count=_CHUNK):
        step_s, index = map(int, name.decode().rsplit(":", 2)[1:])
        if before is None or (index + 1) * step_s * 1000 <= _ms(before):
            yield name


def _delete_entries(broker: Broker, key: str, entries: list[bytes]) -> None:
    for start in range(0, len(entries), _CHUNK):
        broker.client.xdel(key, *entries[start : start + _CHUNK])


def _written_ms(entry: bytes) -> int:
    return int(entry.split(b"-")[0])


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
