"""Streams as people ask for them: state, ledger, what waits."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, cast, get_args

from moodline.broker import Broker
from moodline.redact import redact_line

StreamState = Literal["connecting", "live", "stalled", "auth_failed", "not_found", "unsupported", "ended", "stopped"]
STREAM_STATES: Final[tuple[StreamState, ...]] = get_args(StreamState)

DropReason = Literal["stale", "overflow", "poison", "unreadable", "removed"]
DROP_REASONS: Final[tuple[DropReason, ...]] = get_args(DropReason)
"""Why an accepted crop ended without an event."""

SkipReason = Literal["rate", "budget", "motion", "admission"]
SKIP_REASONS: Final[tuple[SkipReason, ...]] = get_args(SkipReason)
"""Why a frame or face was never accepted."""


@dataclass(slots=True)
class StreamStatus:
    """What a stream's reader last said. ``source`` is redacted, ``fps`` what is really analysed a second.

    Of a recording, ``position`` frames lie behind the reader, and ``total`` is what the file promises (0: nothing).
    """

    state: StreamState
    sentence: str
    source: str
    kind: Literal["live", "recorded"]
    frames: int = 0
    faces: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    reconnects: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    last_frame_at_ms: int | None = None
    position: int = 0
    total: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    preview: Literal["off", "blurred", "clear"] = "off"

    def to_json(self) -> str:
        """Return the status as it is kept in Redis; the sentence may quote an error, and that a URL."""
        return json.dumps({**asdict(self), "sentence": redact_line(self.sentence)})

    @classmethod
    def from_json(cls, text: str | bytes) -> "StreamStatus":
        """Return the status that ``to_json`` wrote; fields of a newer version are passed over."""
        known = {member.name for member in fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in known})


@dataclass(frozen=True, slots=True)
class Once:
    """A recording that several hosts would read, and which is over for all that were there when one came to its end.

    ``key`` tells it from others of its stream; ``began_ms``: since when its reader's host is there, by Redis's clock.
    """

    key: str
    began_ms: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """What became of a stream's crops: ``accepted == events + sum(dropped) + queued`` at every instant."""

    accepted: int
    events: int
    dropped: Mapping[str, int]
    queued: int

    @property
    def balanced(self) -> bool:
        """Whether every accepted crop is accounted for."""
        return self.accepted == self.events + sum(self.dropped.values()) + self.queued


@dataclass(frozen=True, slots=True)
class StreamView:
    """A stream at one instant. ``token``: of its last reader, whose ``status`` this is; ``reader``: who reads it now.

    ``declared``: where the stream's settings stand, as far as is known; ``enabled`` is false for a paused one.
    """

    id: str
    token: str
    status: StreamStatus | None
    ledger: Ledger
    open_tracks: int
    last_event_ms: int | None
    now_ms: int
    reader: str = ""
    declared: Literal["api", "file"] | None = None
    enabled: bool = True


def stream_ids(broker: Broker) -> list[str]:
    """Return the ids of all known streams, sorted."""
    with broker.errors():
        members = [
            member
            for keys in broker.all_keys()
            for member in cast("list[bytes]", broker.client.zrange(keys.of_partition("streams"), 0, -1))
        ]
    return sorted(member.decode() for member in members)


def list_streams(broker: Broker) -> list[StreamView]:
    """Return every known stream."""
    views = (stream_view(broker, stream) for stream in stream_ids(broker))
    return [view for view in views if view is not None]


def stream_view(broker: Broker, stream: str) -> StreamView | None:
    """Return one stream, or None where nobody has ever read it."""
    reply = broker.run("read", broker.keys_of(stream), stream=stream)
    return view_of_reply(stream, reply)


def view_of_reply(stream: str, reply: Any) -> StreamView | None:
    """Decode what ``read.lua`` returns; None where the stream is unknown."""
    info, ledger = pairs(reply[1]), pairs(reply[2])
    if "token" not in info:
        return None
    status = info.get("status")
    last_event = info.get("last_event_ms")
    return StreamView(
        id=stream,
        token=info["token"],
        status=StreamStatus.from_json(status) if status else None,
        ledger=Ledger(
            accepted=int(ledger.get("accepted", 0)),
            events=int(ledger.get("events", 0)),
            dropped={reason: int(ledger.get(f"dropped:{reason}", 0)) for reason in DROP_REASONS},
            queued=int(reply[3]),
        ),
        open_tracks=int(reply[4]),
        last_event_ms=int(float(last_event)) if last_event else None,
        now_ms=int(reply[0]),
        reader=reply[7].decode(),
    )


def pairs(flat: list[bytes] | Mapping[bytes, bytes]) -> dict[str, str]:
    """Return a flat reply of names and values as a dict of text."""
    if isinstance(flat, Mapping):
        return {name.decode(): value.decode() for name, value in flat.items()}
    return {flat[i].decode(): flat[i + 1].decode() for i in range(0, len(flat), 2)}
