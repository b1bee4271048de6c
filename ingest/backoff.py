"""How long to wait before the next try: exponential with jitter, so that streams do not knock in step."""

from datetime import timedelta
from typing import Final

from tenacity import RetryCallState, Retrying, wait_exponential, wait_random

_FIRST_S: Final = 0.25
# The part of the longest wait that is random.
_RANDOM_SHARE: Final = 0.25


class Backoff:
    """Counts failures in a row and says how long to wait after each, at most ``longest``.

    With ``flat`` all waits are at least so long, the first one too.
    """

    def __init__(self, longest: timedelta, *, flat: bool = False) -> None:
        longest_s = longest.total_seconds()
        steady_s = longest_s if flat else longest_s * (1.0 - _RANDOM_SHARE)
        first_s = steady_s if flat else min(_FIRST_S, steady_s)
        jitter = wait_random(0, longest_s * _RANDOM_SHARE)
        self._wait = wait_exponential(multiplier=first_s, max=steady_s) + jitter
        self._state = RetryCallState(Retrying(), fn=None, args=(), kwargs={})
        self.reset()

    def next_s(self) -> float:
        """Count a failure and return the seconds to wait before the next try."""
        self._state.attempt_number += 1
        return float(self._wait(self._state))

    def reset(self) -> None:
        """Take in a success."""
        self._state.attempt_number = 0
