"""Asks whether a server answers at all, again and again, until it does.

FFmpeg's own try hangs on the one connection that it has made: a server that is back a second later does not know it.
"""

import contextlib
import selectors
import socket
import time
from itertools import cycle
from typing import Final, Literal, cast
from urllib.parse import urlsplit

Answer = Literal["answers", "closed", "silent"]
"""``closed``: connections are refused, or end without a word."""

_AGAIN_S: Final = 0.5
_PORTS: Final = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
# Without an account. Some web servers pass over the first.
_QUESTIONS: Final = {
    "rtsp": ("OPTIONS rtsp://{host}{path} RTSP/1.0\r\nCSeq: 1\r\n\r\n",),
    "http": ("HEAD {path} HTTP/1.0\r\nHost: {host}\r\n\r\n", "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n"),
}


def knock(url: str, *, within_s: float) -> Answer:
    """Return at once what the server of ``url`` does, or "silent" after ``within_s``.

    A new connection is made every half second, and the old ones may still answer. Of TLS it counts as an answer that
    a connection is made. Raises OSError where the host name cannot be resolved.
    """
    parts = urlsplit(url)
    host, path = parts.netloc.rpartition("@")[2], (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    asked = [text.format(host=host, path=path).encode() for text in _QUESTIONS.get(parts.scheme.lower(), ())]
    port = parts.port or _PORTS[parts.scheme.lower()]
    places = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    ends_s, questions = time.monotonic() + within_s, cycle(asked or [b""])
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        while (left_s := ends_s - time.monotonic()) > 0:
            question = next(questions)
            for family, kind, _, _, address in places:
                connection = stack.enter_context(socket.socket(family, kind))
                connection.setblocking(False)
                connection.connect_ex(address)
                selector.register(connection, selectors.EVENT_WRITE, question)
            if answer := _first_answer(selector, min(left_s, _AGAIN_S)):
                return answer
    return "silent"


def _first_answer(selector: selectors.BaseSelector, within_s: float) -> Answer | None:
    ends_s = time.monotonic() + within_s
    while selector.get_map() and (left_s := ends_s - time.monotonic()) > 0:
        for key, event in selector.select(left_s):
            try:
                answer = _go_on(key, event)
            except OSError:
                answer = "closed"
            if answer == "answers":
                return answer
            if answer == "closed":
                selector.unregister(key.fileobj)
            else:
                selector.modify(key.fileobj, selectors.EVENT_READ)
    return None if selector.get_map() else "closed"


def _go_on(key: selectors.SelectorKey, event: int) -> Answer | None:
    """Ask over a connection that was made, or read what it answers; raises OSError where it fails."""
    connection = cast("socket.socket", key.fileobj)
    if event & selectors.EVENT_READ:
        return "answers" if connection.recv(1) else "closed"
    if error := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(error, "no connection")
    if not key.data:
        return "answers"
    connection.send(key.data)
    return None
