"""Orderly stop: the first SIGTERM or SIGINT asks, the second one insists."""

import signal
import threading
from types import FrameType

STOP_WITHIN_S = 10.0
"""Every service has stopped in order this many seconds after it was asked to."""


def stop_on_signals() -> threading.Event:
    """Return an event that the first SIGTERM or SIGINT sets. A second one raises ``KeyboardInterrupt``.

    Must be called from the main thread.
    """
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop
