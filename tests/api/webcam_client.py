"""A page's side of /v1/webcam, without a browser: pictures go out, messages come in."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import httpx
import numpy as np
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

WITHIN_S = 10


def jpeg_of(width: int = 64, height: int = 48) -> bytes:
    """Return a picture with a pattern that is found again in its bytes."""
    pixels = np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def message_of(number: int, jpeg: bytes) -> bytes:
    return number.to_bytes(4, "big") + jpeg


@contextmanager
def opened(
    client: httpx.Client, *, protocols: Sequence[str] = (), headers: Mapping[str, str] | None = None
) -> Iterator[ClientConnection]:
    """Open the WebSocket. Raises InvalidStatus where it is refused."""
    url = f"ws://{client.base_url.netloc.decode()}/v1/webcam"
    offered = [Subprotocol(name) for name in protocols] or None
    with connect(url, proxy=None, subprotocols=offered, additional_headers=headers, max_size=None) as socket:
        yield socket


def take(socket: ClientConnection, *kinds: str) -> dict[str, Any]:
    """Return the next message of one of `kinds`, or the next at all; those of other kinds are passed over."""
    while True:
        message: dict[str, Any] = json.loads(socket.recv(WITHIN_S))
        if not kinds or message["event"] in kinds:
            return message
