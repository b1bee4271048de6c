"""One subscriber's live events, whatever carries them: first what it has missed, then what comes."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from api.live import READ_COUNT, LiveEvent, LiveFeed, missed_notice
from api.selection import Selection
from moodline.broker import Broker
from moodline.cursors import Cursor
from moodline.errors import BrokerError
from moodline.event import Event, left_unread, read_events


@dataclass(frozen=True, slots=True)
class Message:
    """What a subscriber is sent. ``event``: the kind of an event, ready, missed, problem or closing; ``data``: JSON.

    Whoever connects again with ``cursor`` gets what comes after this message; a message without one stands nowhere.
    """

    event: str
    data: str
    cursor: Cursor = ""


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


async def follow_events(feed: LiveFeed, broker: Broker, selection: Selection, start: Cursor) -> AsyncGenerator[Message]:
    """Yield the selected events after ``start`` and all later ones, until the feed is closed."""
    marks = Marks()
    with feed.subscribe(selection) as subscription:
        yield Message("ready", "{}", start)
        await subscription.placed.wait()
        cursor, more = start, True
        while more:
            # What waits until now stands in the feed, too, and is read from there.
            subscription.clear()
            try:
                found, after = await run_in_threadpool(read_events, broker, after=cursor, count=READ_COUNT)
            except BrokerError as error:
                yield _notice("problem", str(error))
                return
            if left := left_unread(broker, cursor, found):
                yield Message("missed", missed_notice(left if selection.takes_all else None, in_feed=False))
            cursor = after
            more = len(found) >= READ_COUNT
            for place, event in found:
                if marks.passes(event) and selection.takes(event):
                    yield _message(LiveEvent(place, event, event.to_json()))
        while (delivery := await subscription.take()) is not None:
            for notice in delivery.notices():
                yield Message("missed", notice)
            for live in delivery.events:
                if marks.passes(live.event):
                    yield _message(live)
        yield _notice("closing", "moodline is stopping; connect again later.")


def _message(live: LiveEvent) -> Message:
    return Message(live.event.kind, live.text, live.cursor)


def _notice(name: str, sentence: str) -> Message:
    return Message(name, json.dumps({"detail": sentence}))
