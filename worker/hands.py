"""This worker's hands on the streams of one partition, and what of each stream is in work."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from moodline.errors import HandLostError
from moodline.metrics import Metrics
from moodline.streams import DropReason
from moodline.work_queue import CommitRules, Committed, Entry, Hand, Take, WorkQueue


@dataclass(slots=True)
class _Held:
    holder: str
    cursor: str
    in_work: int = 0


class Hands:
    """Takes, commits and drops through one queue, and gives a hand back with the last crop in work.

    One lock spans a take and a commit that may give a hand back: else a take could bring crops under a hand that the
    commit has just given away.
    """

    def __init__(self, queue: WorkQueue, metrics: Metrics) -> None:
        self._queue = queue
        self._dead_letters = metrics.counter("dead_letters")
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    @property
    def queue(self) -> WorkQueue:
        """The queue behind these hands."""
        return self._queue

    def in_work(self) -> int:
        """Return how many crops are taken and not yet ended."""
        with self._lock:
            return sum(held.in_work for held in self._held.values())

    def take(self, *, room: int, per_stream: int, alone_ok: bool = False) -> Take:
        """Take crops, and renew all hands. ``room`` 0 only renews."""
        with self._lock:
            held = {stream: (hand.holder, hand.cursor) for stream, hand in self._held.items()}
            take = self._queue.take(room=room, held=held, per_stream=per_stream, alone_ok=alone_ok)
            for stream in take.lost:
                self._held.pop(stream, None)
            for taken in take.taken:
                held_now = self._held.get(taken.hand.stream)
                if held_now is None or held_now.holder != taken.hand.holder:
                    held_now = self._held[taken.hand.stream] = _Held(taken.hand.holder, "0-0")
                held_now.cursor = taken.entries[-1].id
                held_now.in_work += len(taken.entries)
            return take

    def commit(self, hand: Hand, crops: Sequence[Committed], rules: CommitRules) -> int:
        """Commit crops and return how many became events; 0 where the hand has passed to another worker."""
        with self._lock:
            if not self._still(hand):
                return 0
            try:
                done = self._queue.commit(hand, crops, rules, release=self._is_last(hand, len(crops)))
            except HandLostError:
                self._held.pop(hand.stream, None)
                return 0
            self._ended(hand, len(crops))
            return done

    def drop(self, hand: Hand, crops: Sequence[tuple[Entry, DropReason, str]]) -> int:
        """Drop crops and return how many; 0 where the hand has passed to another worker."""
        with self._lock:
            if not self._still(hand):
                return 0
            try:
                done = self._queue.drop(hand, crops, release=self._is_last(hand, len(crops)))
            except HandLostError:
                self._held.pop(hand.stream, None)
                return 0
            self._ended(hand, len(crops))
            self._dead_letters.labels(hand.stream).inc(sum(reason == "poison" for _, reason, _ in crops))
            return done

    def _still(self, hand: Hand) -> bool:
        held = self._held.get(hand.stream)
        return held is not None and held.holder == hand.holder

    def _is_last(self, hand: Hand, count: int) -> bool:
        return self._held[hand.stream].in_work <= count

    def _ended(self, hand: Hand, count: int) -> None:
        held = self._held[hand.stream]
        held.in_work -= count
        if held.in_work <= 0:
            del self._held[hand.stream]
