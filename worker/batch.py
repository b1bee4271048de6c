"""A batch: crops of several streams that go through the model together."""

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

    def split_stale(self) -> tuple[list[Item], list[Item]]:
        """Return the items that are still worth their inference, and those that got too old."""
        waited = self.since_taken_ms()
        fresh: list[Item] = []
        stale: list[Item] = []
        for item in self.items:
            too_old = item.max_age_ms is not None and item.entry.age_ms + waited > item.max_age_ms
            (stale if too_old else fresh).append(item)
        return fresh, stale


def by_hand(items: Sequence[Item]) -> Iterator[tuple[Hand, list[int]]]:
    """Yield each hand with the positions of its items, in order."""
    groups: dict[Hand, list[int]] = {}
    for position, item in enumerate(items):
        groups.setdefault(item.hand, []).append(position)
    yield from groups.items()
