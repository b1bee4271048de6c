"""The second hand of a capture process: what happens regularly, however long the process waits."""

import threading
import time
from collections.abc import Callable
from typing import Final

_LONGEST_NAP_S: Final = 0.25


class Pulse:
    """Calls ``report`` every ``interval_s`` from ``beat`` and ``wait``, on the caller's thread."""

    def __init__(self, stop: threading.Event, report: Callable[[], None], *, interval_s: float) -> None:
        self._stop = stop
        self._report = report
        self._interval_s = interval_s
        self._next_s = 0.0

    def beat(self) -> bool:
        """Report if it is time; return whether the process may go on."""
        now = time.monotonic()
        if now >= self._next_s:
            self._next_s = now + self._interval_s
            self._report()
        return not self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait that long, reporting meanwhile; return False as soon as the process has to stop."""
        until = time.monotonic() + seconds
        while self.beat() and (left := until - time.monotonic()) > 0:
            self._stop.wait(min(left, _LONGEST_NAP_S))
        return not self._stop.is_set()
