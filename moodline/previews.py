"""Previews: a stream's newest picture for whoever looks at it now. Ingest makes one only while somebody looks.

The picture lives in one sealed key of seconds, is overwritten by the next, and never stands anywhere else.
"""

from dataclasses import dataclass
from typing import Final, Literal, cast

from moodline.broker import Broker
from moodline.errors import UnreadableCropError
from moodline.sealing import Sealer

PreviewMode = Literal["off", "blurred", "clear"]
LOOK_MS: Final = 5000
SHOWN_MS: Final = 3000
_NUMBER_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture as JPEG and the number of its frame, which events name."""

    frame: int
    jpeg: bytes


def look(broker: Broker, stream: str) -> None:
    """Say that somebody looks at a stream, for five seconds. Raises BrokerError."""
    with broker.errors():
        broker.client.set(broker.keys_of(stream).of_stream("look", stream), 1, px=LOOK_MS)


def is_looked_at(broker: Broker, stream: str) -> bool:
    """Return whether somebody looks at a stream. Raises BrokerError."""
    with broker.errors():
        return bool(broker.client.exists(broker.keys_of(stream).of_stream("look", stream)))


def show(broker: Broker, sealer: Sealer, stream: str, preview: Preview) -> None:
    """Put a picture in the place of the last. Raises BrokerError."""
    sealed = sealer.seal(preview.frame.to_bytes(_NUMBER_BYTES, "big") + preview.jpeg, _name(stream))
    with broker.errors():
        broker.client.set(broker.keys_of(stream).of_stream("preview", stream), sealed, px=SHOWN_MS)


def shown(broker: Broker, sealer: Sealer, stream: str) -> Preview | None:
    """Return the picture of a moment ago; None if there is none, or this process has another key."""
    with broker.errors():
        sealed = cast("bytes | None", broker.client.get(broker.keys_of(stream).of_stream("preview", stream)))
    if sealed is None:
        return None
    try:
        opened = sealer.open(sealed, _name(stream))
    except UnreadableCropError:
        return None
    return Preview(int.from_bytes(opened[:_NUMBER_BYTES], "big"), opened[_NUMBER_BYTES:])


def _name(stream: str) -> str:
    return f"{stream}/preview"
