"""How much one client may ask for: requests in a time, and the size of a request."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import HTTPException
from starlette.types import Message, Receive

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


def bounded(receive: Receive, limit: BodyLimit) -> Receive:
    """Return ``receive``, which raises BodyTooLargeError where a body that told no length is larger than ``limit``."""
    received = 0

    async def receive_bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit.size:
            raise BodyTooLargeError(limit)
        return message

    return receive_bounded
