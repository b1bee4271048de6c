"""Connections: how many there may be, how long one may stand still, and what is said of one that speaks no HTTP.

uvicorn waits for the rest of a request for ever, and says what it refuses itself as plain text.
"""

import resource
from asyncio import AbstractEventLoop
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.server import ServerProtocol

from api.middleware import SECURITY_HEADERS
from api.problems import PROBLEM_TYPE, RETRY_AFTER_S, Problem

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle
    from websockets.http11 import Request

MOST_WAITING: Final = 4096
"""Connections beside those of subscribers."""
BACKLOG: Final = 256
"""Connections that are accepted at once, before any of them can be counted."""
_OTHER_FILES: Final = 128
_VERSION: Final[Mapping[str, str]] = MappingProxyType({"Sec-WebSocket-Version": "13"})
REQUEST_S: Final = 10.0
"""A connection on which no request is under way, and on which none has become whole for so long, is closed."""
SEND_S: Final = 60.0
"""So is one whose client leaves unread for so long what was said."""


def most_connections(max_subscribers: int) -> int:
    """Let this process open as many files as it may, and return how many connections leave room for other files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_WAITING + max_subscribers
    wanted = most + BACKLOG + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return most
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(1, files - BACKLOG - _OTHER_FILES)


class Connection(H11Protocol):
    """uvicorn's, of which there are ``Config.limit_concurrency``: who comes then takes the place of one that waits."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._most = config.limit_concurrency
        self.limit_concurrency = None  # uvicorn would refuse whole requests only, and keep those that are half sent
        self.waits_since = self.loop.time()

    @property
    def waits(self) -> bool:
        """Whether nothing is under way: a request is still to come, or to be completed."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # none before the first request
        return cycle is None or cycle.response_complete

    def connection_made(self, transport: Any) -> None:
        """Take a place, that of the connection which has waited longest where there is none left."""
        super().connection_made(transport)
        if self._most is None or len(self.connections) <= self._most:
            return None
        others = (other for other in self.connections if isinstance(other, Connection) and other.waits)
        longest = min(others, key=lambda other: other.waits_since)  # this one at least
        if longest is self:
            sentence = f"All {self._most} connections are in use; come again later."
            return self._answer(HTTPStatus.SERVICE_UNAVAILABLE, sentence)
        longest.transport.abort()
        self.connections.discard(longest)  # it hears of its end only later, and more may have come by then
        return None

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.waits_since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's, which says less
        """Refuse what is no HTTP."""
        self._answer(
            HTTPStatus.BAD_REQUEST,
            "This is no HTTP/1.1 request: it begins with one line, then come headers, with one Host among them.",
        )

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Go on as a WebSocket, if the request can be answered as one."""
        opening, status, more = ServerProtocol(), HTTPStatus.BAD_REQUEST, _VERSION
        lines = [b"%s %s HTTP/1.1" % (event.method, event.target), *(b"%s: %s" % pair for pair in self.headers)]
        opening.receive_data(b"\r\n".join([*lines, b"", b""]))
        for request in opening.events_received():
            answer = opening.accept(cast("Request", request))
            if answer.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
                return super().handle_websocket_upgrade(event)
            status = HTTPStatus(answer.status_code)
            more = {"Allow": "GET"} if status == HTTPStatus.METHOD_NOT_ALLOWED else _VERSION
        said = str(opening.handshake_exc or opening.parser_exc).rstrip(".")
        return self._answer(status, f"This opens no WebSocket: {said}.", self.scope["path"], more)

    def _answer(
        self, status: HTTPStatus, sentence: str, path: str = "", more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Say a problem about which no application was asked, and close."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            problem = Problem(title=status.phrase, status=status, detail=sentence, instance=path)
            body = problem.model_dump_json().encode()
            headers = {
                **SECURITY_HEADERS,
                "Cache-Control": "no-store",
                "Content-Type": PROBLEM_TYPE,
                "Content-Length": str(len(body)),
                "Connection": "close",
                **({"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}),
                **more,
            }
            answer = h11.Response(status_code=status, headers=list(headers.items()), reason=status.phrase)
            for said in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(said) or b"")
        self.transport.close()


class WebSocketConnection(WebSocketsSansIOProtocol):
    """uvicorn's, which takes every refusal for a fault of the application and logs it as an error."""

    async def send(self, message: Any) -> None:
        """Send what the application says; a refusal that is whole completes the handshake."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = self.close_sent


class Sweeper:
    """Closes connections that stand still; each of ``sweep`` sees what has become of them since the last."""

    def __init__(self) -> None:
        self._still: dict[tuple[Any, Any], float] = {}

    def sweep(self, connections: Iterable[Any], now: float) -> None:
        """Close what has stood still for too long; ``now`` in seconds of the event loop."""
        # A connection that has had a request in between has another cycle.
        still = [(one, getattr(one, "cycle", None)) for one in connections if _stands_still(one)]
        self._still = {place: self._still.get(place, now) for place in still}
        for (one, _), since in self._still.items():
            if now - since >= (SEND_S if one.transport.get_write_buffer_size() else REQUEST_S):
                one.transport.abort()


def _stands_still(connection: Any) -> bool:
    if connection.transport.is_closing():
        return True
    return isinstance(connection, Connection) and (connection.waits or connection.flow.write_paused)
