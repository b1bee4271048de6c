"""One subscriber's live events as server-sent events: first what it has missed, then what comes.

The ``id`` of each message is the cursor after its event, so that a browser which reconnects with
``Last-Event-ID`` goes on where it was, as far back as the event feed reaches.
"""

import json
from collections.abc import AsyncIterator
from typing import Final

from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.live import READ_COUNT, LiveEvent, LiveFeed
from api.selection import Selection
from moodline.broker import Broker
from moodline.errors import BrokerError
from moodline.event import Cursor, Event, read_events

RETRY_MS: Final = 2000


class Marks:
    """How far each stream has been sent, so that nothing comes twice where reading turns into following."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[str, int]] = {}

    def passes(self, event: Event) -> bool:
        """Note ``event`` and return whether it is new."""
        epoch, sequence = self._sent.get(event.stream, ("", 0))
        if epoch == event.epoch and event.sequence <= sequence:
            return False
        self._sent[event.stream] = (event.epoch, event.sequence)
        return True


async def subscriber(
    feed: LiveFeed, broker: Broker, selection: Selection, start: Cursor
) -> AsyncIterator[ServerSentEvent]:
    """Yield the selected events after ``start`` and all later ones, until the feed is closed."""
    marks = Marks()
    with feed.subscribe(selection) as subscription:
        yield ServerSentEvent(event="ready", id=start, retry=RETRY_MS, data="{}")
        await subscription.placed.wait()
        cursor, more = start, True
        while more:
            # What waits until now stands in the feed, too, and is read from there.
            subscription.clear()
            try:
                found, cursor = await run_in_threadpool(read_events, broker, after=cursor, count=READ_COUNT)
            except BrokerError as error:
                yield _notice("problem", detail=str(error))
                return
            more = len(found) >= READ_COUNT
            for place, event in found:
                if marks.passes(event) and selection.takes(event):
                    yield _message(LiveEvent(place, event, event.to_json()))
        while (delivery := await subscription.take()) is not None:
            if delivery.missed:
                yield _notice("missed", missed=delivery.missed)
            for live in delivery.events:
                if marks.passes(live.event):
                    yield _message(live)
        yield _notice("closing", detail="moodline is stopping; connect again later.")


def _message(live: LiveEvent) -> ServerSentEvent:
    return ServerSentEvent(event=live.event.kind, id=live.cursor, data=live.text)


def _notice(name: str, **content: object) -> ServerSentEvent:
    return ServerSentEvent(event=name, data=json.dumps(content))
