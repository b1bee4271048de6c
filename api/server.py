"""The HTTP server: its socket, and an end that says goodbye to subscribers."""

import asyncio
import logging
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.connections import BACKLOG, Connection, Sweeper, WebSocketConnection, most_connections
from moodline.broker import connect
from moodline.errors import PortTakenError
from moodline.settings import Settings

if TYPE_CHECKING:
    from api.live import LiveFeed

GRACE_S = 5
"""Requests that are still open this long after the signal are cut off; every service has 10 s to stop."""
GOODBYE_S = 1.0
"""As long a subscriber has to read what waits for it and that moodline stops."""
SWEEP_TICKS = 5
"""Tenths of a second between two looks for connections that stand still."""
MAX_MESSAGE = 1024 * 1024
"""Bytes of the largest message that a WebSocket may send: a picture of a webcam, not more."""

log = logging.getLogger(__name__)


def run_api(settings: Settings, stop: threading.Event) -> None:
    """Serve until ``stop`` is set. Raises MoodlineError where the API cannot start."""
    for name in ("uvicorn", "uvicorn.error", "sse_starlette.sse"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with (
        closing(connect(settings.redis)) as broker,
        closing(listen(settings.api.host, settings.api.port)) as listener,
    ):
        log.info("The API and the dashboard are at %s", address(listener))
        if settings.api.needs_key:
            log.info("Requests need a key; `moodline keys create --scope read` makes one.")
        Server(create_app(settings, broker), stop).run(sockets=[listener])
    log.info("Stopped.")


class Server(uvicorn.Server):
    """Stops when ``stop`` is set, the live feed first: uvicorn waits for open connections before all else."""

    def __init__(self, app: FastAPI, stop: threading.Event) -> None:
        # No log configuration: uvicorn's records go where moodline's go. No access log: metrics tell more.
        config = uvicorn.Config(
            app,
            http=Connection,
            ws=WebSocketConnection,
            limit_concurrency=most_connections(app.state.settings.api.max_subscribers),
            backlog=BACKLOG,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # anybody on this machine could choose the address that it is counted under
            timeout_graceful_shutdown=GRACE_S,
            ws_max_size=MAX_MESSAGE,
            # A window of 64 KB a subscriber, for events of half a kilobyte.
            ws_per_message_deflate=False,
        )
        super().__init__(config)
        self._stop = stop
        self._live: LiveFeed = app.state.live
        self._sweeper = Sweeper()

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop, ten times a second; let nobody keep a connection for nothing."""
        if counter % SWEEP_TICKS == 0:
            self._sweeper.sweep(self.server_state.connections, asyncio.get_running_loop().time())
        # uvicorn takes the signals over while it runs; one that came before stands in the event.
        return await super().on_tick(counter) or self._stop.is_set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the subscriptions, then stop as uvicorn does."""
        self._live.close()
        # uvicorn closes WebSockets at once, and what waits for them would be lost.
        await self._live.goodbye(GOODBYE_S)
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes any free one. Raises PortTakenError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortTakenError(
            f"The API cannot listen on {host}:{port} ({error.strerror}): another process uses the port, or "
            "the address is not this machine's; choose another api.port or api.host."
        ) from error
    return _at_once(listener)


def _at_once(listener: socket.socket) -> socket.socket:
    """Let connections send small answers at once: asyncio does so only where the socket was made with a protocol."""
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address(listener: socket.socket) -> str:
    """Return the address of a listening socket as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
