"""Who may ask for what: the name asked for, the rate, the key and its scope, the size of the body.

Plain ASGI in front of every route, so that what is added later is closed until it is opened here. Who follows live
events with a key that is revoked is cut off.
"""

import math
import time
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from api.keyring import Keyring
from api.limits import BodyLimit, BodyTooLargeError, TokenBuckets, bounded
from api.problems import refuse
from moodline.access import Scope
from moodline.errors import BrokerError
from moodline.settings import ApiSettings

KEY_PROTOCOL: Final = "moodline.key."
"""What stands before a key among the subprotocols of a WebSocket, for a browser cannot send it otherwise."""
UPLOADS: Final = "/v1/analyses"
"""The one place where a body may be as large as a video."""
RECHECK_S: Final = 5.0
WRONG_KEYS_A_SECOND: Final = 2.0
WRONG_KEYS_AT_ONCE: Final = 20.0

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HEALTH: Final = frozenset({"/healthz", "/readyz"})
_PAGES: Final = frozenset({"/", "/analyses", "/webcam", "/openapi.json"})
_FOLDERS_OF_PAGES: Final = ("/static/", "/streams/", "/analyses/")
_SAFE: Final = frozenset({"GET", "HEAD"})
_END: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "http": {"type": "http.response.body", "body": b"", "more_body": False},
        "websocket": {"type": "websocket.close", "code": 1008, "reason": "The key has been revoked."},
    }
)


class NoKeyError(HTTPException):
    """A request has no key that is known: 401."""

    def __init__(self, sentence: str) -> None:
        super().__init__(HTTPStatus.UNAUTHORIZED, sentence, {"WWW-Authenticate": 'Bearer realm="moodline"'})


class TooManyRequestsError(HTTPException):
    """A client asks more often than it may: 429."""

    def __init__(self, wait_s: float, what: str) -> None:
        seconds = math.ceil(wait_s)
        super().__init__(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"That were too many {what}; ask again in {seconds} s.",
            {"Retry-After": str(seconds)},
        )


class AccessMiddleware:
    """Refuses what may not be asked with a problem, and passes on the rest."""

    def __init__(self, app: ASGIApp, settings: ApiSettings, keyring: Keyring, max_upload: int) -> None:
        self._app = app
        self._settings = settings
        self._body = BodyLimit(settings.max_body, "api.max_body")
        self._upload = BodyLimit(max_upload, "jobs.max_upload")
        self._keyring = keyring
        self._requests = TokenBuckets(settings.rate_limit, 2 * settings.rate_limit)
        self._wrong_keys = TokenBuckets(WRONG_KEYS_A_SECOND, WRONG_KEYS_AT_ONCE)

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Pass a connection on, or refuse it."""
        if scope["type"] not in _END:
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        try:
            self._check_names(scope, headers)
            text = await self._check_key(scope, headers)
            limit = self._limit_of(scope, headers)
            _check_size(headers, limit)
        except (HTTPException, BrokerError) as error:
            return await refuse(scope, receive, send, error)
        if text is not None:
            send = self._while_valid(text, scope["type"], send)
        return await self._app(scope, bounded(receive, limit), send)

    def _check_names(self, scope: Connection, headers: Headers) -> None:
        """A page of somebody else may reach this address under a name of its own, or write from its own place."""
        host = headers.get("host", "")
        try:
            name = urlsplit(f"//{host}").hostname if host else None
        except ValueError:
            raise HTTPException(HTTPStatus.MISDIRECTED_REQUEST, "The header Host is no name of a host.") from None
        allowed = frozenset(name.lower() for name in self._settings.allowed_hosts)
        if not allowed and self._settings.loopback:
            allowed = _LOOPBACK_NAMES | {self._settings.host.lower()}
        if name is not None and allowed and name not in allowed:
            sentence = f"This moodline does not answer to the name {name!r}; api.allowed_hosts says which it has."
            raise HTTPException(HTTPStatus.MISDIRECTED_REQUEST, sentence)
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        origin = headers.get("origin")
        if changes and origin is not None and _place_of(origin) != host:
            raise HTTPException(HTTPStatus.FORBIDDEN, f"A page of {origin} may not do this; open moodline's own page.")

    async def _check_key(self, scope: Connection, headers: Headers) -> str | None:
        """Return the key of a connection that needs one; count the request against the key or the address."""
        needed = self._needed_scope(scope) if self._settings.needs_key else None
        address = scope["client"][0] if scope.get("client") else ""
        text = _key_of(scope, headers) if needed is not None else None
        if needed is None or text is None:
            self._count(address)
        if needed is None:
            return None
        if text is None:
            raise NoKeyError("This moodline asks for a key: send one as 'Authorization: Bearer KEY'.")
        key = await self._keyring.find_loaded(text)
        if key is None:
            # Only who is unknown: many may come from the address of one proxy, and one of them guesses.
            if wait := self._wrong_keys.take(address):
                raise TooManyRequestsError(wait, "wrong keys")
            key = await self._keyring.find(text)
        if key is None:
            raise NoKeyError("This key is not known here, or has been revoked; `moodline keys create` makes one.")
        self._count(key.id)
        if not key.may(needed):
            sentence = f"This key may {key.scope}, and this needs one that may {needed}."
            raise HTTPException(HTTPStatus.FORBIDDEN, sentence)
        return text

    def _count(self, client: str) -> None:
        if wait := self._requests.take(client):
            raise TooManyRequestsError(wait, "requests")

    def _needed_scope(self, scope: Connection) -> Scope | None:
        path: str = scope["path"]
        if path in _HEALTH:
            return "read" if self._settings.health_needs_key else None
        if path == "/metrics":
            return "read" if self._settings.metrics_needs_key else None
        if path in _PAGES or path.startswith(_FOLDERS_OF_PAGES):
            return None  # what everybody may read in the repository; the data comes from /v1
        if path.startswith("/v1/webcam"):
            return "webcam"
        return "read" if scope["type"] == "websocket" or scope["method"] in _SAFE else "write"

    def _limit_of(self, scope: Connection, headers: Headers) -> BodyLimit:
        uploads = scope["path"] == UPLOADS and headers.get("content-type", "").lower().startswith("multipart/form-data")
        return self._upload if uploads else self._body

    def _while_valid(self, text: str, kind: str, send: Send) -> Send:
        """Return ``send`` for as long as the key is valid: live events go on for days."""
        checked = time.monotonic()
        ended = False

        async def send_while_valid(message: Message) -> None:
            nonlocal checked, ended
            if not ended and time.monotonic() - checked > RECHECK_S:
                checked = time.monotonic()
                if await self._keyring.find(text) is None:
                    ended = True
                    await send(_END[kind])
            if not ended:
                await send(message)

        return send_while_valid


def _place_of(origin: str) -> str | None:
    """Return the host and port of an origin; None where it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _check_size(headers: Headers, limit: BodyLimit) -> None:
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit.size:
        raise BodyTooLargeError(limit)


def _key_of(scope: Mapping[str, Any], headers: Headers) -> str | None:
    kind, _, text = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return text.strip()
    offered = scope.get("subprotocols", [])
    return next((name.removeprefix(KEY_PROTOCOL) for name in offered if name.startswith(KEY_PROTOCOL)), None)
