"""A batch: crops of several streams that go through the model together."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from moodline.crop import CROP_SIDE, QueuedCrop
from moodline.work_queue import Entry, Hand
from worker.engines.base import Pixels
from worker.hands import Hands


@dataclass(slots=True)
class Item:
    """One crop in work. ``max_age_ms`` is None for recordings."""

    hand: Hand
    entry: Entry
    crop: QueuedCrop
    max_age_ms: float | None


@dataclass(slots=True)
class Batch:
    """Items in the order of their streams, and since when they are in work."""

    hands: Hands
    items: list[Item] = field(default_factory=list)
    taken_at: float = field(default_factory=time.monotonic)
    alone: bool = False
    slots: int = 1

    def pixels(self) -> Pixels:
        """Return the faces, shape (N, 48, 48)."""
        joined = b"".join(item.crop.pixels for item in self.items)
        return np.frombuffer(joined, np.uint8).reshape(len(self.items), CROP_SIDE, CROP_SIDE)

    def since_taken_ms(self) -> float:
        """Return how long the batch has been in work."""
        return (time.monotonic() - self.taken_at) * 1000

    def split_stale(self, ahead_ms: float = 0.0) -> tuple[list[Item], list[Item]]:
        """Return the items that are still worth their inference, and those that got too old.

        Too old are also those that would be so before their events are written, in ``ahead_ms``.
        """
        waited = self.since_taken_ms()
        fresh: list[Item] = []
        stale: list[Item] = []
        for item in self.items:
            left = math.inf if item.max_age_ms is None else item.max_age_ms - min(ahead_ms, item.max_age_ms / 2)
            (stale if item.entry.age_ms + waited > left else fresh).append(item)
        return fresh, stale


class Usual:
    """How long something usually takes, with room for what is slower: an average that follows, and a quarter more."""

    def __init__(self) -> None:
        self._seconds = 0.0

    @property
    def ms(self) -> float:
        """Milliseconds; 0 before the first time."""
        return self._seconds * 1250

    def took(self, seconds: float) -> None:
        """Count one time."""
        self._seconds += (seconds - self._seconds) * (0.2 if self._seconds else 1.0)


def by_hand(items: Sequence[Item]) -> Iterator[tuple[Hand, list[int]]]:
    """Yield each hand with the positions of its items, in order."""
    groups: dict[Hand, list[int]] = {}
    for position, item in enumerate(items):
        groups.setdefault(item.hand, []).append(position)
    yield from groups.items()
