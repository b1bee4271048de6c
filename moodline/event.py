"""Emotion events: what subscribers get, and how to read the event feed.

The same JSON stands in the feed (Redis Stream ``moodline:{pN}:feed``, field ``event``) and on the stream's Pub/Sub
channel. Delivery: every accepted crop gives exactly one ``emotion`` event or one counted drop; where a server loses
acknowledged writes, an id may be published again, so subscribers deduplicate by id.
"""

import logging
from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer

from moodline.broker import Broker
from moodline.emotions import Emotion
from moodline.keys import PartitionKeys

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


Cursor = str
"""Opaque place in the event feeds of all partitions; ``""`` is before the oldest event that is still there."""


def latest_cursor(broker: Broker) -> Cursor:
    """Return the cursor after the newest event."""
    ids = {}
    with broker.errors():
        for number, keys in enumerate(broker.all_keys()):
            newest = cast("list[Any]", broker.client.xrevrange(keys.of_partition("feed"), count=1))
            ids[str(number)] = newest[0][0].decode() if newest else "0-0"
    return _pack(ids)


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
    places = _unpack(after, broker.partitions)
    asked = {keys.of_partition("feed"): places[str(number)] for number, keys in enumerate(broker.all_keys())}
    with broker.errors():
        reply = cast("Any", broker.client.xread(asked, count=count, block=block_ms))  # type: ignore[arg-type]
    found: list[tuple[Cursor, Event]] = []
    for name, entries in _entries_by_feed(reply):
        number = _partition_number(name, broker)
        for entry_id, fields in entries:
            places[number] = entry_id.decode()
            event = _event_of(fields)
            if event is None:
                continue
            if streams is None or event.stream in streams:
                found.append((_pack(places), event))
    return found, _pack(places)


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


def _event_of(fields: Mapping[bytes, bytes]) -> Event | None:
    """Return the event of a feed entry, or None for what somebody else wrote there: it must not hide the others."""
    try:
        return parse_event(fields[b"event"])
    except (KeyError, ValidationError) as error:
        log.warning("An entry of the event feed is no event of schema 1 and is passed over: %s", error)
        return None


def _entries_by_feed(reply: Any) -> list[tuple[bytes, list[Any]]]:
    """XREAD answers a list under RESP2 and a map under RESP3, whose values have one more level."""
    if not reply:
        return []
    if isinstance(reply, dict):
        return [(name, entries[0] if len(entries) == 1 else entries) for name, entries in reply.items()]
    return [(name, entries) for name, entries in reply]


def _partition_number(feed: bytes, broker: Broker) -> str:
    for number in range(broker.partitions):
        if PartitionKeys(number).of_partition("feed").encode() == feed:
            return str(number)
    raise ValueError(f"{feed!r} is no event feed")


def _pack(places: Mapping[str, str]) -> Cursor:
    return ".".join(f"{number}_{place}" for number, place in sorted(places.items()))


def _unpack(cursor: Cursor, partitions: int) -> dict[str, str]:
    places = {str(number): "0-0" for number in range(partitions)}
    for part in cursor.split(".") if cursor else []:
        number, _, place = part.partition("_")
        ms, _, index = place.partition("-")
        if number not in places or not ms.isdigit() or not index.isdigit():
            raise ValueError("is no cursor of an event feed; leave it out to begin with the oldest event")
        places[number] = place
    return places


def parse_event(text: str | bytes) -> Event:
    """Return the event of a feed entry or Pub/Sub message."""
    return Event.model_validate_json(text)
