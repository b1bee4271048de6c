"""Emotion events: what subscribers get, and how to read the event feed.

The same JSON stands in the feed (Redis Stream ``moodline:{pN}:feed``, field ``event``) and on the stream's Pub/Sub
channel. Delivery: every accepted crop gives exactly one ``emotion`` event or one counted drop; where a server loses
acknowledged writes, an id may be published again, so subscribers deduplicate by id.
"""

import logging
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer

from moodline.broker import Broker
from moodline.cursors import Cursor, Place, pack, unpack
from moodline.emotions import Emotion
from moodline.feeds import read_feeds
from moodline.keys import PartitionKeys, partition_of

EventKind = Literal["emotion", "face_entered", "emotion_changed", "face_left"]
Probability = float

log = logging.getLogger(__name__)

_PAGE: Final = 500


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EventBox(_Part):
    """The face in pixels of the full frame, with the frame's size."""

    x: int
    y: int
    width: int
    height: int
    frame_width: int
    frame_height: int


class EventModel(_Part):
    """The model that judged the face."""

    name: str
    version: int


class Smoothed(_Part):
    """The track's emotion averaged over time, which does not flicker."""

    emotion: Emotion
    confidence: Probability


class Event(_Part):
    """One event, schema 1. Fields that only some kinds have are None in the others."""

    schema_: Literal[1] = Field(alias="schema")
    id: str
    kind: EventKind
    stream: str
    frame: int
    captured_at: datetime
    track: str
    box: EventBox
    model: EventModel
    emotion: Emotion
    confidence: Probability
    smoothed: Smoothed
    probabilities: Mapping[Emotion, Probability] | None = None
    latency_ms: Mapping[str, float] | None = None
    previous: Emotion | None = None
    seen_ms: int | None = None
    events: int | None = None
    sequence: int
    epoch: str

    @field_serializer("captured_at", when_used="json")
    def _as_in_the_feed(self, captured_at: datetime) -> str:
        return rfc3339(captured_at)

    def to_json(self) -> str:
        """Return the event as one line of JSON, as it stands in the feed."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


def rfc3339(moment: datetime) -> str:
    """Return a moment as events write it: UTC with milliseconds, ``2026-11-22T08:00:00.000Z``."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def latest_cursor(broker: Broker) -> Cursor:
    """Return the cursor after the newest event."""
    places = {}
    with broker.errors():
        for number, keys in enumerate(broker.all_keys()):
            newest = cast("list[Any]", broker.client.xrevrange(keys.of_partition("feed"), count=1))
            places[number] = _moved(Place(), newest[0][0], _event_of(newest[0][1])) if newest else Place()
    return pack(places)


def read_events(
    broker: Broker,
    *,
    after: Cursor = "",
    count: int = 100,
    streams: Container[str] | None = None,
    block_ms: int | None = None,
) -> tuple[list[tuple[Cursor, Event]], Cursor]:
    """Read events after a cursor, at most ``count`` a partition, waiting up to ``block_ms`` for the first.

    Returns pairs of (cursor after the event, event) in the order of each partition, and the cursor to go on with,
    which also passes the events that ``streams`` left out. Raises ValueError for a malformed cursor.
    """
    places = unpack(after, broker.partitions)
    asked = {keys.of_partition("feed"): places[number].entry for number, keys in enumerate(broker.all_keys())}
    found: list[tuple[Cursor, Event]] = []
    for name, entries in read_feeds(broker, asked, count=count, block_ms=block_ms):
        number = _partition_number(name, broker)
        for entry_id, fields in entries:
            event = _event_of(fields)
            places[number] = _moved(places[number], entry_id, event)
            if event is not None and (streams is None or event.stream in streams):
                found.append((pack(places), event))
    return found, pack(places)


def left_unread(broker: Broker, after: Cursor, found: Sequence[tuple[Cursor, Event]]) -> int:
    """Return how many events had left the feeds when ``found`` was read after a cursor: of all streams, or purged.

    ``found`` is what ``read_events`` returned for all streams. What left before the oldest event that was kept when
    somebody began there is not counted.
    """
    missed, places = 0, unpack(after, broker.partitions)
    for _, event in found:
        place = places.pop(partition_of(event.stream, broker.partitions), None)
        if place is not None and place.sequence is not None:
            missed += max(0, event.sequence - place.sequence - 1)
    return missed


def last_events(
    broker: Broker, wanted: Callable[[Event], bool] = lambda _event: True, *, count: int, reads: int = 20
) -> list[Event]:
    """Return up to ``count`` of the last wanted events, newest first, as far back as ``reads`` reads reach."""
    chosen: list[Event] = []
    for keys in broker.all_keys():
        chosen += _last_of_feed(broker, keys.of_partition("feed"), wanted, count, reads)
    chosen.sort(key=lambda event: event.captured_at, reverse=True)
    return chosen[:count]


def _last_of_feed(broker: Broker, feed: str, wanted: Callable[[Event], bool], count: int, reads: int) -> list[Event]:
    chosen: list[Event] = []
    before = "+"
    for _ in range(reads):
        with broker.errors():
            entries = cast("list[Any]", broker.client.xrevrange(feed, max=before, count=_PAGE))
        events = (_event_of(fields) for _, fields in entries)
        chosen += [event for event in events if event is not None and wanted(event)]
        if len(entries) < _PAGE or len(chosen) >= count:
            break
        before = f"({entries[-1][0].decode()}"
    return chosen[:count]


def _moved(place: Place, entry_id: bytes, event: Event | None) -> Place:
    """Return the place after an entry, which may be none of ours."""
    return Place(entry_id.decode(), place.sequence if event is None else event.sequence)


def _event_of(fields: Mapping[bytes, bytes]) -> Event | None:
    """Return the event of a feed entry, or None for what somebody else wrote there: it must not hide the others."""
    try:
        return parse_event(fields[b"event"])
    except (KeyError, ValidationError) as error:
        log.warning("An entry of the event feed is no event of schema 1 and is passed over: %s", error)
        return None


def _partition_number(feed: str, broker: Broker) -> int:
    for number in range(broker.partitions):
        if PartitionKeys(number).of_partition("feed") == feed:
            return number
    raise ValueError(f"{feed!r} is no event feed")


def parse_event(text: str | bytes) -> Event:
    """Return the event of a feed entry or Pub/Sub message."""
    return Event.model_validate_json(text)
