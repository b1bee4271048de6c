"""How much one client may ask for: requests in a time, and the size of a request."""

import asyncio
import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import HTTPException
from starlette.types import Message, Receive

STALLED_S: Final = 30.0
"""A body of which nothing comes for so long is given up, and with that of a video its room."""
MOST_CLIENTS: Final = 10_000
"""Buckets that are remembered; beyond them the one that was used longest ago is forgotten."""


_ONE_NETWORK: Final = 64
"""Bits of an IPv6 address that one customer has in common; of the rest each may choose freely."""


def network_of(address: str) -> str:
    """Return whom an ``address`` is counted as: itself, and of IPv6 its /64."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a socket file has none
        return address
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, _ONE_NETWORK), strict=False))


class TokenBuckets:
    """One bucket a client: it fills with ``rate`` tokens a second up to ``burst``, and a request takes one.

    A burst below one token, of which no request could ever be paid, counts as one.
    """

    def __init__(self, rate: float, burst: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._clock = clock
        # Tokens, and when they were counted.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token and return 0, or return the seconds until there is one. A rate of 0 sets no limit."""
        wait = self.wait(client)
        if self._rate and not wait:
            tokens, counted = self._buckets[client]
            self._buckets[client] = (tokens - 1, counted)
        return wait

    def wait(self, client: str) -> float:
        """Return the seconds until ``client`` may take a token, and take none."""
        if not self._rate:
            return 0.0
        now = self._clock()
        tokens, counted = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - counted) * self._rate)
        self._buckets[client] = (tokens, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if tokens >= 1 else (1 - tokens) / self._rate


class Shares:
    """How many places each client has taken, and all together.

    Touched in the event loop alone, in which nobody comes between the look and the taking.
    """

    def __init__(self) -> None:
        self._taken: Counter[str | None] = Counter()

    @contextmanager
    def place(self, client: str | None, most: int) -> Iterator[bool]:
        """Take one of the ``most`` places of a client, or of all (None), while this is open; false: none is left."""
        free = self._taken[client] < most
        self._taken[client] += free
        try:
            yield free
        finally:
            self._taken[client] -= free
            if not self._taken[client]:
                del self._taken[client]


class BodyTooLargeError(HTTPException):
    """A request's body is larger than what is read: 413."""

    def __init__(self, limit: "BodyLimit") -> None:
        super().__init__(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body is larger than {limit.size} bytes ({limit.setting}); send less.",
        )


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How many bytes a body may have, and the setting that says so."""

    size: int
    setting: str


class StalledBodyError(HTTPException):
    """A body does not come to its end: 408."""

    def __init__(self) -> None:
        sentence = f"Nothing of the body has come for {STALLED_S:.0f} s; send it again."
        super().__init__(HTTPStatus.REQUEST_TIMEOUT, sentence)


def bounded(receive: Receive, limit: BodyLimit, *, complete: bool = False) -> Receive:
    """Return ``receive``, which waits for the rest of a body no longer than ``STALLED_S``; ``complete``: none is read.

    It raises BodyTooLargeError where a body that told no length is larger than ``limit``, and StalledBodyError.
    """
    received = 0

    async def receive_bounded() -> Message:
        nonlocal received, complete
        try:
            # After a request's end it tells when the client hangs up, which may be in hours.
            message = await (receive() if complete else asyncio.wait_for(receive(), STALLED_S))
        except TimeoutError as error:
            raise StalledBodyError from error
        complete = complete or not message.get("more_body", False)
        received += len(message.get("body", b""))
        if received > limit.size:
            raise BodyTooLargeError(limit)
        return message

    return receive_bounded
