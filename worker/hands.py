"""This worker's hands on the streams of one partition, and what of each stream is in work."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from moodline.metrics import Metrics
from moodline.streams import DropReason
from moodline.work_queue import Commit, CommitRules, Committed, Ended, Entry, Hand, Release, Take, WorkQueue


@dataclass(slots=True)
class _Held:
    holder: str
    cursor: str
    in_work: int = 0


class Hands:
    """Takes, commits and drops through one queue, and gives a hand back with the last crop in work.

    A take may run while a commit does. Should it bring more of a stream whose last crop that commit ends, the scripts
    see it by the cursor, and the hand stays.
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

    def take(self, *, room: int, per_stream: int, alone_ok: bool = False, ahead: timedelta = timedelta(0)) -> Take:
        """Take crops, and renew all hands. ``room`` 0 only renews. Belongs to one thread."""
        with self._lock:
            idle = [Hand(stream, held.holder) for stream, held in self._held.items() if held.in_work <= 0]
        for hand in idle:
            self._give_back(hand)
        with self._lock:
            known = {stream: (held.holder, held.cursor) for stream, held in self._held.items()}
        take = self._queue.take(room=room, held=known, per_stream=per_stream, alone_ok=alone_ok, ahead=ahead)
        with self._lock:
            for stream in take.lost:
                self._forget(Hand(stream, known[stream][0]))
            for taken in take.taken:
                held_now = self._held.get(taken.hand.stream)
                if held_now is None or held_now.holder != taken.hand.holder:
                    held_now = self._held[taken.hand.stream] = _Held(taken.hand.holder, "0-0")
                held_now.cursor = taken.entries[-1].id
                held_now.in_work += len(taken.entries)
        return take

    def commit_each(self, parts: Sequence[tuple[Hand, Sequence[Committed]]], rules: CommitRules) -> list[int]:
        """Commit crops of several streams and return of each how many became events.

        That is 0 where the hand has passed to another worker. After an error all of it may be sent again.
        """
        with self._lock:
            mine = [number for number, (hand, _) in enumerate(parts) if self._still(hand)]
            calls = [Commit(*parts[number], self._last(parts[number][0], len(parts[number][1]))) for number in mine]
        done = [0] * len(parts)
        for number, ended in zip(mine, self._queue.commit_each(calls, rules), strict=True):
            done[number] = ended.crops if ended else 0
            self._ended(parts[number][0], len(parts[number][1]), ended)
        return done

    def drop(self, hand: Hand, crops: Sequence[tuple[Entry, DropReason, str]]) -> int:
        """Drop crops and return how many; 0 where the hand has passed to another worker."""
        with self._lock:
            if not self._still(hand):
                return 0
            release = self._last(hand, len(crops))
        ended = self._queue.drop(hand, crops, release=release)
        self._ended(hand, len(crops), ended)
        if ended is None:
            return 0
        self._dead_letters.labels(hand.stream).inc(sum(reason == "poison" for _, reason, _ in crops))
        return ended.crops

    def _still(self, hand: Hand) -> bool:
        held = self._held.get(hand.stream)
        return held is not None and held.holder == hand.holder

    def _last(self, hand: Hand, count: int) -> Release:
        """Give the hand back with these crops if they are the last ones, unless a take has gone past the cursor."""
        held = self._held[hand.stream]
        return held.cursor if held.in_work <= count else False

    def _ended(self, hand: Hand, count: int, ended: Ended | None) -> None:
        with self._lock:
            if ended is None or ended.released:
                self._forget(hand)
            elif self._still(hand):
                self._held[hand.stream].in_work -= count

    def _give_back(self, hand: Hand) -> None:
        """Give back a hand that has nothing in work: two threads ended its last crops at once, or a reply got lost."""
        self._queue.drop(hand, [], release=True)
        with self._lock:
            self._forget(hand)

    def _forget(self, hand: Hand) -> None:
        if self._still(hand):
            del self._held[hand.stream]
