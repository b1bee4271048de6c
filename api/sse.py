"""Live events as server-sent events.

The ``id`` of each message is the cursor after its event, so that a browser which reconnects with
``Last-Event-ID`` goes on where it was, as far back as the event feed reaches.
"""

import logging
from collections.abc import AsyncIterator
from typing import Final

from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from api.following import Message

RETRY_MS: Final = 2000

log = logging.getLogger(__name__)


class LiveResponse(EventSourceResponse):
    """Cuts off who reads nothing for ``send_timeout`` seconds."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the messages end or the subscriber leaves."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            log.info("A subscriber has read nothing for %g s and is cut off.", self.send_timeout)


async def as_server_sent(messages: AsyncIterator[Message]) -> AsyncIterator[ServerSentEvent]:
    """Yield each message as a server-sent event."""
    async for message in messages:
        retry = RETRY_MS if message.event == "ready" else None
        yield ServerSentEvent(event=message.event, id=message.cursor or None, data=message.data, retry=retry)
