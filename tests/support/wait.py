"""Waiting for what will be true, instead of sleeping."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def on_an_idle_machine(seconds: float) -> float:
    """Return how long what takes ``seconds`` may take now: longer where others want the processors too."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(
    condition: Callable[[], Result], *, description: str, timeout: float = 10.0, interval: float = 0.02
) -> Result:
    """Return the first true value of ``condition``; fail naming ``description`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {description} (last: {result!r})")
        time.sleep(interval)
