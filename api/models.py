"""What the API answers, with examples for the OpenAPI document. Times are RFC 3339 in UTC."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from api.examples import EVENT, STREAM
from moodline.event import Event
from moodline.streams import DropReason, Ledger, StreamState, StreamStatus, StreamView


def milliseconds(instant: datetime) -> str:
    """Return a moment as every answer writes it: RFC 3339 in UTC with milliseconds."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[
    datetime,
    PlainSerializer(milliseconds, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def example_of(value: Mapping[str, Any]) -> ConfigDict:
    """Return the configuration of a model that shows ``value`` as its example in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"example": dict(value)})


_NOTHING_SAID: Final = StreamStatus(
    state="connecting", sentence="Its reader has not reported yet.", source="", kind="live"
)


class Health(BaseModel):
    """A process that lives, or is ready."""

    status: Literal["ok", "ready"]


class LedgerModel(BaseModel):
    """What became of a stream's crops: accepted = events + dropped + queued, at every instant."""

    accepted: int = Field(description="Crops that the queue has taken.")
    events: int = Field(description="Crops that became events.")
    dropped: dict[DropReason, int] = Field(description="Crops that ended without an event, by reason.")
    queued: int = Field(description="Crops that wait or are in work.")

    @classmethod
    def of(cls, ledger: Ledger) -> "LedgerModel":
        """Return the ledger as the API shows it."""
        return cls.model_validate(
            {
                "accepted": ledger.accepted,
                "events": ledger.events,
                "dropped": ledger.dropped,
                "queued": ledger.queued,
            }
        )


class StreamModel(BaseModel):
    """One video stream at one instant."""

    model_config = example_of(STREAM)

    id: str
    state: StreamState
    sentence: str = Field(description="What the state means here, and what to do about it.")
    kind: Literal["live", "recorded"] | None = Field(description="None until its reader has reported.")
    source: str = Field(description="The source's address, without its password.")
    labels: dict[str, str] = Field(description="The labels of the configuration.")
    declared: Literal["api", "file"] | None = Field(
        description="Where its settings stand: added at run time (api), or in a file; None if nobody says so now."
    )
    enabled: bool = Field(description="False for a stream that is paused.")
    reader: str | None = Field(description="The ingest host that reads it now.")
    width: int = Field(description="Width of a frame in pixels; 0 before the first frame.")
    height: int
    fps: float = Field(description="Frames analysed a second.")
    frames: int = Field(description="Frames that came so far, looked at or not.")
    faces: int = Field(description="Faces found so far.")
    faces_now: int = Field(description="Faces that are being followed.")
    reconnects: int
    last_frame_at: Instant | None
    last_frame_age_s: float | None = Field(description="Seconds since the last frame, by the clock of Redis.")
    last_event_at: Instant | None = Field(description="When the face of the last event was captured.")
    preview: Literal["off", "blurred", "clear"] = Field(
        description="Whether its pictures may be looked at, and if faces are blurred in them."
    )
    skipped: dict[str, int] = Field(description="Frames and faces that were never accepted, by reason.")
    ledger: LedgerModel

    @classmethod
    def of(cls, view: StreamView) -> "StreamModel":
        """Return the stream as the API shows it."""
        said = view.status or _NOTHING_SAID
        last_frame = said.last_frame_at_ms
        return cls(
            id=view.id,
            state=said.state,
            sentence=said.sentence,
            kind=view.status.kind if view.status else None,
            source=said.source,
            labels=dict(said.labels),
            declared=view.declared,
            enabled=view.enabled,
            reader=view.reader.partition("/")[0] or None,
            width=said.width,
            height=said.height,
            fps=said.fps,
            frames=said.frames,
            faces=said.faces,
            faces_now=view.open_tracks,
            reconnects=said.reconnects,
            last_frame_at=_utc(last_frame),
            last_frame_age_s=None if last_frame is None else max(0.0, (view.now_ms - last_frame) / 1000),
            last_event_at=_utc(view.last_event_ms),
            preview=said.preview,
            skipped=dict(said.skipped),
            ledger=LedgerModel.of(view.ledger),
        )


class StreamList(BaseModel):
    """Every known stream."""

    streams: list[StreamModel]


class EventPage(BaseModel):
    """Events in the order of the feed, and where to go on."""

    model_config = example_of({"events": [EVENT], "missed": 0, "next_cursor": "0_1795336327040-0-4711", "more": True})

    events: list[Event]
    missed: int | None = Field(
        default=None,
        description="Events since `cursor` that have left the feed and can be read no more; not there with a filter, "
        "for nobody knows how many of them it would have let through.",
    )
    next_cursor: str = Field(description="Give it as `cursor` to get what comes after this page.")
    more: bool = Field(description="Whether there may be more already; if not, ask again later.")


class RecentEvents(BaseModel):
    """The last events, newest first."""

    model_config = example_of({"events": [EVENT]})

    events: list[Event]


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _utc(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
