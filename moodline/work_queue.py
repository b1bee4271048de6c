"""A worker's side of the crop queues: take, commit, drop, sweep, and its hands on streams."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic_core import to_json

from moodline.broker import Broker
from moodline.errors import BrokerUnavailableError, HandLostError
from moodline.keys import PartitionKeys
from moodline.scripts import ScriptName
from moodline.streams import DropReason

COMMIT_AT_MOST = 32
"""Crops a commit: a script holds the server, so it stays short."""

# What is made for every crop is not frozen: a frozen dataclass takes four times as long to make.


@dataclass(frozen=True, slots=True)
class Hand:
    """A worker's hand on a stream: while it holds, no other worker touches the stream's crops."""

    stream: str
    holder: str


@dataclass(slots=True)
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

    def rewind(self, ms: float) -> None:
        """Let the ages be those of ``ms`` before the entry was taken."""
        self.age_ms -= ms
        self.queued_ms -= ms


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


@dataclass(slots=True)
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


Release = bool | str
"""Whether to give the hand back with the last crop; an entry's id: if no take has gone past this entry meanwhile."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Crops of one stream that are to become events."""

    hand: Hand
    crops: Sequence[Committed]
    release: Release


@dataclass(frozen=True, slots=True)
class Ended:
    """What a commit or drop has done: how many crops it ended, and whether it gave the hand back."""

    crops: int
    released: bool


class WorkQueue:
    """All crop queues of one partition, as one worker sees them. ``take`` belongs to one thread."""

    def __init__(self, broker: Broker, keys: PartitionKeys, *, worker: str, lease: timedelta) -> None:
        self._broker = broker
        self._keys = keys
        self._worker = worker
        self._lease_ms = round(lease.total_seconds() * 1000)

    def take(
        self,
        *,
        room: int,
        held: Mapping[str, tuple[str, str]],
        per_stream: int,
        alone_ok: bool,
        ahead: timedelta = timedelta(0),
    ) -> Take:
        """Take up to ``room`` crops. ``held``: stream -> (holder, last entry taken); these hands are renewed.

        Live crops that would outlive their ``max_age`` in the time ``ahead`` of them (half of it at most) are dropped.
        """
        reply = self._broker.run(
            "take",
            self._keys,
            worker=self._worker,
            nonce=uuid.uuid4().hex[:8],
            room=room,
            per_stream=per_stream,
            lease_ms=self._lease_ms,
            ahead_ms=ahead.total_seconds() * 1000,
            alone_ok=alone_ok,
            held=held,
        )
        now_ms, alone_waits, taken, lost = reply
        return Take(
            taken=[_taken(item) for item in taken],
            alone_waits=int(alone_waits),
            lost=[stream.decode() for stream in lost],
            now_ms=int(now_ms),
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
        (ended,) = self.commit_each([Commit(hand, crops, release)], rules)
        if ended is None:
            raise HandLostError(f"Stream {hand.stream} has passed to another worker.")
        return ended.crops

    def commit_each(self, commits: Sequence[Commit], rules: CommitRules) -> list[Ended | None]:
        """Commit crops of several streams in few round trips; None where the hand is lost.

        Raises BrokerError, and then any of them may have been written: sending them again ends nothing twice.
        """
        common = self._common(rules)
        done: list[Ended | None] = [Ended(0, released=False)] * len(commits)
        # Pieces of one stream go one after the other, so that its order holds whatever becomes of a call.
        pieces = [_pieces(commit.crops) for commit in commits]
        for turn in range(max(map(len, pieces), default=0)):
            due = [number for number, cut in enumerate(pieces) if turn < len(cut) and done[number] is not None]
            calls = []
            for number in due:
                release = commits[number].release if turn == len(pieces[number]) - 1 else False
                packed = [_packed(crop) for crop in pieces[number][turn]]
                calls.append(_gate(commits[number].hand, release) | common | {"crops": packed})
            for number, reply in zip(due, self._again("commit", calls), strict=True):
                done[number] = _ended(reply, done[number])
        return done

    def drop(self, hand: Hand, crops: Sequence[tuple[Entry, DropReason, str]], *, release: Release) -> Ended | None:
        """End crops without an event, each with its reason and a detail for the dead-letter feed.

        Returns None where the hand is lost.
        """
        packed = [[entry.id, reason, detail] for entry, reason, detail in crops]
        args = {"crops": packed, "dead_max": self._broker.settings.dead_letter_max}
        (reply,) = self._again("drop", [_gate(hand, release) | args])
        return _ended(reply)

    def sweep(self) -> None:
        """Do what no lease, commit or drop does any more: dead hands, ended tracks, crops past their time."""
        sweep(self._broker, self._keys)

    def _common(self, rules: CommitRules) -> dict[str, Any]:
        return {
            "feed_max": self._broker.settings.feed_max_events,
            "labels": list(rules.labels),
            "model": rules.model,
            "tau_ms": rules.tau.total_seconds() * 1000,
            "hysteresis": rules.hysteresis,
            "resolutions": [[step.total_seconds(), keep.total_seconds()] for step, keep in rules.resolutions],
        }

    def _again(self, name: ScriptName, calls: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Run a script for each call; where a reply was lost, once more: what has ended does not end twice."""
        try:
            return self._broker.run_each(name, self._keys, calls)
        except BrokerUnavailableError:
            return self._broker.run_each(name, self._keys, calls)


def _gate(hand: Hand, release: Release) -> dict[str, Any]:
    return {"stream": hand.stream, "hand": hand.holder, "release": release}


def _ended(reply: Any, before: Ended | None = None) -> Ended | None:
    if reply[0] != b"done":
        return None
    return Ended(int(reply[1]) + (before.crops if before else 0), bool(reply[2]))


def _pieces(crops: Sequence[Committed]) -> list[Sequence[Committed]]:
    """Cut crops into pieces for one commit each; none is one empty piece, which may give a hand back."""
    return [crops[i : i + COMMIT_AT_MOST] for i in range(0, len(crops), COMMIT_AT_MOST)] or [[]]


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
    before = b'{"schema":1,"id":%b,"kind":"emotion",' % to_json(crop.id)
    return [
        crop.entry.id,
        crop.track,
        crop.captured_at_ms,
        crop.entry.size,
        b"%b%b,%b" % (before, crop.head, crop.tail),
        len(before) + 1,  # Lua counts from 1
        len(before) + len(crop.head),
        crop.probabilities,
        crop.label + 1,
    ]
