"""Pages of the event feed for the REST API: forward by cursor, and the last events."""

from typing import Final

from pydantic import ValidationError

from api.models import EventPage
from api.problems import WrongParameterError
from api.selection import Selection
from moodline.broker import Broker
from moodline.cursors import Cursor
from moodline.event import Event, left_unread, read_events

READ_COUNT: Final = 500
MOST_READS: Final = 20
"""A request that finds little reads at most this many times, and says that there may be more."""


def read_after(broker: Broker, cursor: Cursor, count: int) -> tuple[list[tuple[Cursor, Event]], Cursor]:
    """Read events after a cursor that came from outside. Raises WrongParameterError."""
    try:
        return read_events(broker, after=cursor, count=count)
    except ValidationError:  # a ValueError as well, but of an event
        raise
    except ValueError as error:
        raise WrongParameterError("cursor", str(error)) from error


def page_after(broker: Broker, selection: Selection, *, cursor: Cursor, limit: int) -> EventPage:
    """Return up to ``limit`` selected events after ``cursor``, oldest first."""
    chosen: list[Event] = []
    left = 0

    def page(next_cursor: Cursor, *, more: bool) -> EventPage:
        missed = left if selection.takes_all or not left else None
        return EventPage(events=chosen, missed=missed, next_cursor=next_cursor, more=more)

    for _ in range(MOST_READS):
        found, after = read_after(broker, cursor, READ_COUNT)
        left += left_unread(broker, cursor, found)
        if not found:
            return page(after, more=False)
        for place, event in found:
            if selection.takes(event):
                chosen.append(event)
            if len(chosen) == limit:
                return page(place, more=True)
        cursor = after
    return page(cursor, more=True)
