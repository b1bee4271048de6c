"""The same question, asked again within a moment, gets the same answer: many dashboards cost Redis as much as one.

Plain ASGI behind AccessMiddleware, so whoever may not ask gets nothing from here. Questions that come while the first
of their kind is being answered wait for its answer, and get it even where it is a problem, which nobody gets later.
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
    """What was said: its messages, and until when it counts. ``complete`` is set when no more of it is kept.

    ``whole``: it was said to its end and can be repeated.
    """

    complete: asyncio.Event = field(default_factory=asyncio.Event)
    messages: list[Message] = field(default_factory=list)
    route: Any = None
    until: float = 0.0
    whole: bool = False


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
        while (known := self._answers.get(key)) is not None:
            waits = not known.complete.is_set()
            await known.complete.wait()
            if known.whole and (waits or time.monotonic() < known.until):
                return await _repeat(known, scope, send)
            if not waits:
                break  # it has grown old
            # It cannot be repeated: one of those who waited asks, and the others wait again.
        return await self._ask(key, scope, receive, send)

    async def _ask(self, key: _Key, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answers[key] = _Answer()
        self._answers.move_to_end(key)
        if len(self._answers) > MOST_ANSWERS:
            self._answers.popitem(last=False)

        async def hold(message: Message) -> None:
            if answer.complete.is_set():
                return await send(message)
            # What stands before adds its own headers to the message: kept is what was said here.
            answer.messages.append(_copy(message))
            small = sum(len(said.get("body", b"")) for said in answer.messages) <= LARGEST_ANSWER
            if small and (message["type"] != "http.response.body" or message.get("more_body")):
                return None
            # Those who wait are served before this client, which may never read.
            answer.whole = small
            self._complete(key, answer, scope)
            for said in answer.messages:
                await send(_copy(said))
            return None

        try:
            await self._app(scope, receive, hold)
        finally:
            self._complete(key, answer, scope)

    def _complete(self, key: _Key, answer: _Answer, scope: Scope) -> None:
        """Let those who wait go on; the second time does nothing."""
        if answer.complete.is_set():
            return
        answer.route = scope.get("route")
        if answer.whole and answer.messages[0].get("status") == HTTPStatus.OK:
            answer.until = time.monotonic() + self._seconds
        elif self._answers.get(key) is answer:
            del self._answers[key]
        answer.complete.set()


def _may_be_kept(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path: str = scope["path"]
    return path.startswith("/v1/") and path.endswith(_KINDS)


def _accept(scope: Scope) -> bytes:
    return b",".join(value for name, value in scope["headers"] if name == b"accept")


async def _repeat(answer: _Answer, scope: Scope, send: Send) -> None:
    scope["route"] = answer.route  # for the metrics
    for message in answer.messages:
        await send(_copy(message))


def _copy(message: Message) -> Message:
    return {**message, "headers": list(message["headers"])} if "headers" in message else message
