"""A client of live events by WebSocket."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

WITHIN_S = 10
PATH = "/v1/events/ws"


@contextmanager
def live(client: httpx.Client, protocols: Sequence[str] = (), **query: str | list[str]) -> Iterator[ClientConnection]:
    """Open a subscription and wait until it is ready."""
    with opened(client, protocols, None, **query) as socket:
        assert take(socket)["event"] == "ready"
        yield socket


@contextmanager
def opened(
    client: httpx.Client,
    protocols: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    **query: str | list[str],
) -> Iterator[ClientConnection]:
    """Open a subscription. Raises InvalidStatus with the answer where it is refused."""
    url = f"ws://{client.base_url.netloc.decode()}{PATH}?{urlencode(query, doseq=True)}"
    offered = [Subprotocol(name) for name in protocols] or None
    with connect(url, proxy=None, subprotocols=offered, additional_headers=headers) as socket:
        yield socket


def take(socket: ClientConnection) -> dict[str, Any]:
    """Return the next message."""
    message: dict[str, Any] = json.loads(socket.recv(WITHIN_S))
    return message
