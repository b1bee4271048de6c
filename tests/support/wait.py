"""Waiting for what will be true, instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


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
