"""Thins out what comes to a number a second, by the time of the stream."""

import math
from typing import Final

# Sources are not punctual. What comes this share of an interval early is still in time; the
# schedule itself stays.
_EARLY: Final = 0.3


class Sampling:
    """Says of each frame of a stream whether it will be looked at, before anybody makes a picture of it."""

    def __init__(self, per_second: float | None) -> None:
        self.rate = Rate(per_second)
        self.left_out = 0
        self.seen_s = -math.inf  # the last frame, wanted or not

    def __call__(self, at_s: float) -> bool:
        """Return whether the frame of the stream's second ``at_s`` is wanted; count it if not."""
        self.seen_s = at_s
        is_wanted = self.rate.is_due(at_s)
        self.left_out += not is_wanted
        return is_wanted


class Rate:
    """Lets at most ``per_second`` through on average; None lets everything through."""

    def __init__(self, per_second: float | None) -> None:
        self._interval_s = 1.0 / per_second if per_second else 0.0
        self._due_s = -math.inf
        self._last_s = -math.inf

    def is_due(self, at_s: float) -> bool:
        """Return whether something at ``at_s`` seconds goes through, and if so schedule the next."""
        if at_s < self._last_s:  # the clock was set back, as when a stream begins anew
            self._due_s = at_s
        self._last_s = at_s
        late_s = at_s - self._due_s
        if late_s < -_EARLY * self._interval_s:
            return False
        self._due_s = (self._due_s if late_s < self._interval_s else at_s) + self._interval_s
        return True

    def set(self, per_second: float) -> None:
        """Let ``per_second`` through from the next on."""
        self._interval_s = 1.0 / per_second

    def restart(self, at_s: float) -> None:
        """Count something at ``at_s`` that went through out of its turn: the next follows an interval later."""
        self._due_s = at_s + self._interval_s
        self._last_s = at_s
