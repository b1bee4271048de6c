"""Live events as server-sent events.

The ``id`` of each message is the cursor after its event, so that a browser which reconnects with
``Last-Event-ID`` goes on where it was, as far back as the event feed reaches.
"""

from collections.abc import AsyncIterator
from typing import Final

from sse_starlette import ServerSentEvent

from api.following import Message

RETRY_MS: Final = 2000


async def as_server_sent(messages: AsyncIterator[Message]) -> AsyncIterator[ServerSentEvent]:
    """Yield each message as a server-sent event."""
    async for message in messages:
        retry = RETRY_MS if message.event == "ready" else None
        yield ServerSentEvent(event=message.event, id=message.cursor or None, data=message.data, retry=retry)
