"""What every answer goes through: security headers, and how long it took.

Plain ASGI, since Starlette's BaseHTTPMiddleware stands between a server-sent stream and its client's
hanging up.
"""

import time
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from moodline.metrics import Metrics

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
ENDLESS: Final = "/v1/events/live"
"""Lasts as long as its subscriber stays, which says nothing about speed."""


def secure(headers: MutableHeaders, path: str) -> None:
    """Add the security headers to those of the answer about ``path``."""
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)  # a page or a report may have a policy of its own
    if path.startswith("/v1/"):
        headers["Cache-Control"] = "no-store"  # what faces showed is nobody's to keep on the way


class AnswerMiddleware:
    """Adds the security headers, and observes each request's time by route and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._seconds = metrics.histogram("request_seconds")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; of a WebSocket only its refusal is an answer."""
        if scope["type"] not in {"http", "websocket"}:
            return await self._app(scope, receive, send)
        started = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                status = message["status"]
                secure(MutableHeaders(scope=message), scope["path"])
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            route = _route_of(scope)
            if scope["type"] == "http" and route != ENDLESS:
                self._seconds.labels(route, str(status)).observe(time.perf_counter() - started)
        return None


def _route_of(scope: Scope) -> str:
    """Return the route's pattern and not the path, for anybody may make up paths without end."""
    return str(getattr(scope.get("route"), "path", "other"))
