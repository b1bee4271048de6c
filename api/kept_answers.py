"""The same question, asked again within a moment, gets the same answer: many dashboards cost Redis as much as one.

Plain ASGI behind AccessMiddleware, so whoever may not ask gets nothing from here. Questions that come while the first
of their kind is being answered wait for its answer.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_ANSWERS: Final = 256
LARGEST_ANSWER: Final = 256 * 1024
_KINDS: Final = ("/summary", "/timeline")
_Key = tuple[str, bytes, bytes]


@dataclass(slots=True)
class _Answer:
    """What was said: its messages, and until when it counts. ``complete`` is set when all of it is there."""

    complete: asyncio.Event = field(default_factory=asyncio.Event)
    messages: list[Message] = field(default_factory=list)
    route: Any = None
    until: float = 0.0


class KeptAnswersMiddleware:
    """Keeps answers to summaries and timelines for ``seconds``; 0 keeps none."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        self._answers: OrderedDict[_Key, _Answer] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory what was answered a moment ago, and pass on the rest."""
        if not self._seconds or not _may_be_kept(scope):
            return await self._app(scope, receive, send)
        key = (scope["path"], scope["query_string"], _accept(scope))
        known = self._answers.get(key)
        if known is not None:
            await known.complete.wait()
            if time.monotonic() < known.until:
                return await _repeat(known, scope, send)
        return await self._ask(key, scope, receive, send)

    async def _ask(self, key: _Key, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answers[key] = _Answer()
        self._answers.move_to_end(key)
        if len(self._answers) > MOST_ANSWERS:
            self._answers.popitem(last=False)

        async def send_and_keep(message: Message) -> None:
            # What stands before adds its own headers to the message: kept is what was said here.
            answer.messages.append(_copy(message))
            await send(message)

        try:
            await self._app(scope, receive, send_and_keep)
            if _is_good(answer.messages):
                answer.route = scope.get("route")
                answer.until = time.monotonic() + self._seconds
        finally:
            answer.complete.set()
            if not answer.until and self._answers.get(key) is answer:
                del self._answers[key]


def _may_be_kept(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path: str = scope["path"]
    return path.startswith("/v1/") and path.endswith(_KINDS)


def _accept(scope: Scope) -> bytes:
    return b",".join(value for name, value in scope["headers"] if name == b"accept")


def _is_good(messages: list[Message]) -> bool:
    if not messages or messages[0].get("status") != HTTPStatus.OK or messages[-1].get("more_body"):
        return False
    return sum(len(message.get("body", b"")) for message in messages) <= LARGEST_ANSWER


async def _repeat(answer: _Answer, scope: Scope, send: Send) -> None:
    scope["route"] = answer.route  # for the metrics
    for message in answer.messages:
        await send(_copy(message))


def _copy(message: Message) -> Message:
    return {**message, "headers": list(message["headers"])} if "headers" in message else message
