"""How much of its rate a live stream gets: less while the workers are slower than it, and more again when they are not.

With every frame the queue tells how long its oldest crop has waited, and what became of those before it. Crops that
nobody judges in time are work for nothing. So a stream whose crops wait too long is looked at only as often as they
were judged; when they wait no more, sooner and sooner again.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from moodline.crop_queue import Enqueued

LEAST: Final = 0.1
"""However slow the workers are, this share of the rate remains: somebody has to find out that they are back."""
_STEP_S: Final = 0.5
# In shares of max_age. A wait between the two is right, and the rate stays.
_LONG: Final = 0.4
_SHORT: Final = 0.15
# What the workers managed is counted over this time: they take crops in batches.
_WINDOW_S: Final = 4.0
# How far one cut goes: what was counted is not exact, and a little less than it lets the queue shrink.
_DEEPEST_CUT: Final = 0.4
_BELOW: Final = 0.95
# The queue needs that long to show what a cut has done.
_SETTLE_S: Final = 2.0
# Shares a second: how fast the rate rises at first, and by how much more with the square of the seconds.
_RISE: Final = 0.005
_RISE_FASTER: Final = 0.0015


@dataclass(frozen=True, slots=True)
class _Told:
    at_s: float
    judged: int
    lost: int
    queued: int


class Pace:
    """The share of its rate at which one stream is looked at, LEAST to 1. All times are monotonic seconds."""

    def __init__(self, *, max_age_s: float, began_s: float) -> None:
        self._long_s, self._short_s = _LONG * max_age_s, _SHORT * max_age_s
        self._told: deque[_Told] = deque()
        self._waited_s = 0.0
        self._stepped_s = began_s
        self._settled_s = began_s
        self._free_since_s: float | None = None
        self.share = 1.0

    def took(self, answer: Enqueued, at_s: float) -> None:
        """Take in what the queue said of a frame that it accepted."""
        self._told.append(_Told(at_s, answer.judged, answer.lost, answer.queued))
        self._waited_s = max(self._waited_s, answer.waited_ms / 1000.0)
        while at_s - self._told[0].at_s > _WINDOW_S and len(self._told) > 2:
            self._told.popleft()

    def step(self, now_s: float) -> float:
        """Return the share from now on."""
        passed_s = now_s - self._stepped_s
        if passed_s >= _STEP_S:
            self._stepped_s = now_s
            waited_s, self._waited_s = self._waited_s, 0.0
            if waited_s < self._short_s:
                self._rise(now_s, passed_s)
            else:
                self._free_since_s = None
            if waited_s > self._long_s and now_s >= self._settled_s:
                self._cut(now_s)
        return self.share

    def _cut(self, now_s: float) -> None:
        self.share = max(LEAST, self.share * min(max(_BELOW * self._managed(), _DEEPEST_CUT), _BELOW))
        self._settled_s = now_s + _SETTLE_S
        self._told.clear()

    def _managed(self) -> float:
        """Return the share of its crops, of the last seconds, that the workers kept up with."""
        if len(self._told) < 2:
            return 1.0
        first, last = self._told[0], self._told[-1]
        judged = last.judged - first.judged
        came = judged + (last.lost - first.lost) + (last.queued - first.queued)
        return min(1.0, judged / came) if came > 0 else 1.0

    def _rise(self, now_s: float, passed_s: float) -> None:
        if self._free_since_s is None:
            self._free_since_s = now_s
        free_s = now_s - self._free_since_s
        self.share = min(1.0, self.share + passed_s * (_RISE + _RISE_FASTER * free_s**2))
