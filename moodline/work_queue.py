"""A worker's side of the crop queues: take, commit, drop, sweep, and its hands on streams."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from moodline.broker import Broker
from moodline.errors import BrokerUnavailableError, HandLostError
from moodline.keys import PartitionKeys
from moodline.streams import DropReason

COMMIT_AT_MOST = 32
"""Crops a commit: a script holds the server, so it stays short."""


@dataclass(frozen=True, slots=True)
class Hand:
    """A worker's hand on a stream: while it holds, no other worker touches the stream's crops."""

    stream: str
    holder: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A crop as it stands in the queue. ``age_ms``: from capture to ``take``, of that ``queued_ms`` in the queue."""

    id: str
    age_ms: float
    queued_ms: float
    meta: bytes
    image: bytes

    @property
    def size(self) -> int:
        """Bytes that the entry takes in the queue's budget."""
        return len(self.meta) + len(self.image)

    def as_of(self, earlier_ms: float) -> "Entry":
        """Return the entry with its ages as they were ``earlier_ms`` before it was taken."""
        return Entry(self.id, self.age_ms - earlier_ms, self.queued_ms - earlier_ms, self.meta, self.image)


@dataclass(frozen=True, slots=True)
class Taken:
    """Crops of one stream. ``alone``: the one crop saw a worker die; it runs alone, for the ``attempts``-th time.

    ``max_age_ms`` is None for recordings, whose crops never get stale.
    """

    hand: Hand
    entries: Sequence[Entry]
    alone: bool
    attempts: int
    max_age_ms: float | None


@dataclass(frozen=True, slots=True)
class Take:
    """What ``take`` returned. ``alone_waits``: streams whose next crop must run alone, with nothing else in work."""

    taken: Sequence[Taken]
    alone_waits: int
    lost: Sequence[str]
    now_ms: int


@dataclass(frozen=True, slots=True)
class Committed:
    """One classified crop: JSON members ``head`` (of the frame and face) and ``tail`` (of the judgement)."""

    entry: Entry
    id: str
    track: str
    captured_at_ms: int
    head: bytes
    tail: bytes
    probabilities: Sequence[float]
    label: int


@dataclass(frozen=True, slots=True)
class CommitRules:
    """What stays the same for all commits of one model."""

    labels: Sequence[str]
    model: str
    tau: timedelta
    hysteresis: float
    resolutions: Sequence[tuple[timedelta, timedelta]]


class WorkQueue:
    """All crop queues of one partition, as one worker sees them. ``take`` belongs to one thread."""

    def __init__(self, broker: Broker, keys: PartitionKeys, *, worker: str, lease: timedelta) -> None:
        self._broker = broker
        self._keys = keys
        self._worker = worker
        self._lease_ms = round(lease.total_seconds() * 1000)

    def take(self, *, room: int, held: Mapping[str, tuple[str, str]], per_stream: int, alone_ok: bool) -> Take:
        """Take up to ``room`` crops. ``held``: stream -> (holder, last entry taken); these hands are renewed."""
        reply = self._broker.run(
            "take",
            self._keys,
            worker=self._worker,
            nonce=uuid.uuid4().hex[:8],
            room=room,
            per_stream=per_stream,
            lease_ms=self._lease_ms,
            alone_ok=alone_ok,
            held=held,
        )
        return Take(
            taken=[_taken(item) for item in reply[2]],
            alone_waits=int(reply[1]),
            lost=[stream.decode() for stream in reply[3]],
            now_ms=int(reply[0]),
        )

    def wait(self, timeout: timedelta) -> bool:
        """Block until a stream becomes ready or the time is over; return whether the bell rang."""
        with self._broker.errors():
            rang = self._broker.client.blpop([self._keys.of_partition("bell")], timeout=timeout.total_seconds())
        return rang is not None

    def commit(self, hand: Hand, crops: Sequence[Committed], rules: CommitRules, *, release: bool) -> int:
        """Turn crops of one stream into events and return how many; a crop that is gone adds none.

        ``release`` gives the hand back. Raises HandLostError (nothing was written), BrokerError.
        """
        args: dict[str, Any] = {
            "feed_max": self._broker.settings.feed_max_events,
            "labels": list(rules.labels),
            "model": rules.model,
            "tau_ms": rules.tau.total_seconds() * 1000,
            "hysteresis": rules.hysteresis,
            "resolutions": [[step.total_seconds(), keep.total_seconds()] for step, keep in rules.resolutions],
        }
        done = 0
        pieces = [crops[i : i + COMMIT_AT_MOST] for i in range(0, len(crops), COMMIT_AT_MOST)] or [[]]
        for number, piece in enumerate(pieces, start=1):
            packed = [_packed(crop) for crop in piece]
            done += self._gated("commit", hand, release=release and number == len(pieces), crops=packed, **args)
        return done

    def drop(self, hand: Hand, crops: Sequence[tuple[Entry, DropReason, str]], *, release: bool) -> int:
        """End crops without an event, each with its reason and a detail for the dead-letter feed."""
        packed = [[entry.id, reason, detail] for entry, reason, detail in crops]
        return self._gated("drop", hand, release=release, crops=packed, dead_max=self._broker.settings.dead_letter_max)

    def sweep(self) -> None:
        """Do what no lease, commit or drop does any more: dead hands, ended tracks, crops past their time."""
        sweep(self._broker, self._keys)

    def _gated(self, name: Any, hand: Hand, *, release: bool, **args: Any) -> int:
        all_args = {"stream": hand.stream, "hand": hand.holder, "release": release, **args}
        try:
            reply = self._broker.run(name, self._keys, **all_args)
        except BrokerUnavailableError:
            # Entries that the lost call has ended are gone, so sending it again ends nothing twice.
            reply = self._broker.run(name, self._keys, **all_args)
        if reply[0] != b"done":
            raise HandLostError(f"Stream {hand.stream} has passed to another worker.")
        return int(reply[1])


def sweep(broker: Broker, keys: PartitionKeys) -> None:
    """Sweep one partition: see ``sweep.lua``."""
    broker.run("sweep", keys, feed_max=broker.settings.feed_max_events, streams=64, tracks=200)


def _taken(item: Any) -> Taken:
    stream, holder, alone, attempts, entries, max_age = item
    return Taken(
        hand=Hand(stream.decode(), holder.decode()),
        entries=[_entry(*entry) for entry in entries],
        alone=bool(alone),
        attempts=int(attempts),
        max_age_ms=float(max_age) or None,
    )


def _entry(entry_id: bytes, age: bytes, meta: bytes, image: bytes, enqueued_age: bytes) -> Entry:
    age_ms = float(age)
    return Entry(entry_id.decode(), age_ms, max(0.0, age_ms - float(enqueued_age)), meta, image)


def _packed(crop: Committed) -> list[Any]:
    return [
        crop.entry.id,
        crop.id,
        crop.track,
        crop.captured_at_ms,
        crop.entry.size,
        crop.head,
        crop.tail,
        list(crop.probabilities),
        crop.label + 1,
    ]
