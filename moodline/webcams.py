"""Webcams of browsers: what api relays and ingest reads. Pictures live in Redis for seconds, sealed like crops.

A browser's webcam is a stream for as long as it sends: it stands in the set ``webcams`` of its partition, and counts
while its key of pictures is there, which expires ``SILENT_MS`` after the last one. So nobody needs a clock, and what a
dead api leaves behind is over by itself.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

from moodline.broker import Broker
from moodline.errors import BrokerError, UnreadableCropError
from moodline.feeds import read_feeds
from moodline.purge import forget
from moodline.sealing import Sealer
from moodline.settings import Settings, StreamSettings
from moodline.streams import stream_ids, stream_view

WEBCAM_URL: Final = "browser:"
DEFAULT_ID: Final = "browser"
MOST_PICTURES: Final = 2
SILENT_MS: Final = 5000
MAX_AGE: Final = timedelta(seconds=15)
"""Longer than another worker needs to take over a dead one's streams (worker.hand_lease), so no face is lost then."""
NO_PICTURE: Final = -1
_MOST_NUMBERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as the browser numbered and encoded it, without bytes where it cannot be opened.

    ``place`` is its entry in Redis, to go on after. The first entry says only that a webcam comes: ``NO_PICTURE``.
    """

    place: str
    number: int
    jpeg: bytes


def webcam_template(settings: Settings) -> StreamSettings:
    """Return the settings of every browser's webcam: the first stream whose url is ``browser:``, or the defaults.

    Its id is the beginning of theirs: ``browser-1``, ``browser-2``.
    """
    declared = (stream for stream in settings.streams if stream.kind == "browser")
    # api says how many pictures come; all of them are looked at.
    unsaid = {"id": DEFAULT_ID, "url": WEBCAM_URL, "fps": settings.api.webcam_fps}
    template = next(declared, None) or StreamSettings.model_validate(unsaid)
    return template if "max_age" in template.model_fields_set else template.model_copy(update={"max_age": MAX_AGE})


def claim_webcam(broker: Broker, prefix: str) -> str:
    """Return the id of a new webcam that nobody else has: numbers are used again, so that metrics stay few."""
    known = set(stream_ids(broker))
    for number in range(1, _MOST_NUMBERS):
        stream = f"{prefix}-{number}"
        if stream not in known and _send(broker, stream, {"hello": b""}):
            return stream
    raise BrokerError(f"All {_MOST_NUMBERS - 1} names of webcams are taken; ingest removes those that are over.")


def send_picture(broker: Broker, sealer: Sealer, stream: str, number: int, jpeg: bytes) -> None:
    """Hand a picture on to ingest; the one before the last is forgotten. Raises BrokerError."""
    _send(broker, stream, {"number": str(number).encode(), "jpeg": sealer.seal(jpeg, f"{stream}/webcam/{number}")})


def next_picture(broker: Broker, sealer: Sealer, stream: str, *, after: str = "0-0", block_ms: int) -> Picture | None:
    """Wait for a picture after ``after`` and return the newest; None if there is none. Raises BrokerError."""
    key = broker.keys_of(stream).of_stream("webcam", stream)
    found = read_feeds(broker, {key: after}, count=MOST_PICTURES, block_ms=block_ms)
    if not found:
        return None
    place, fields = found[0][1][-1]
    number = int(fields.get(b"number", NO_PICTURE))
    jpeg = _opened(sealer, stream, number, fields[b"jpeg"]) if number != NO_PICTURE else b""
    return Picture(place.decode(), number, jpeg)


def end_webcam(broker: Broker, stream: str) -> None:
    """Say that no more pictures come. Raises BrokerError."""
    keys = broker.keys_of(stream)
    with broker.errors():
        pipeline = broker.client.pipeline(transaction=False)
        pipeline.srem(keys.of_partition("webcams"), stream)
        pipeline.delete(keys.of_stream("webcam", stream))
        pipeline.execute()


def open_webcams(broker: Broker, *, tidy: bool = False) -> set[str]:
    """Return the webcams that send pictures; with ``tidy`` forget those that have gone silent. Raises BrokerError."""
    alive: set[str] = set()
    for keys in broker.all_keys():
        with broker.errors():
            members = cast("set[bytes]", broker.client.smembers(keys.of_partition("webcams")))
            for stream in (member.decode() for member in members):
                if broker.client.exists(keys.of_stream("webcam", stream)):
                    alive.add(stream)
                elif tidy:
                    broker.client.srem(keys.of_partition("webcams"), stream)
    return alive


def remove_orphans(broker: Broker, prefix: str, *, besides: set[str]) -> list[str]:
    """Remove what is left of webcams that are over, and return their names. Events stay in the feed.

    A webcam is over when it sends nothing, nobody reads it, and a worker has worked off its last face: no crop waits
    and each of its tracks has left.
    """
    number = re.compile(rf"{re.escape(prefix)}-\d+")
    over = []
    for stream in stream_ids(broker):
        if number.fullmatch(stream) and stream not in besides and _is_over(broker, stream):
            forget(broker, stream)
            over.append(stream)
    return over


def reader_of(broker: Broker, stream: str) -> str | None:
    """Return who reads a stream now. Raises BrokerError."""
    with broker.errors():
        name = broker.keys_of(stream).of_stream("reader", stream)
        owner = cast("bytes | None", broker.client.hget(name, "owner"))
    return owner.decode() if owner is not None else None


def _is_over(broker: Broker, stream: str) -> bool:
    if reader_of(broker, stream) is not None:
        return False
    view = stream_view(broker, stream)
    if view is None or (view.status is not None and view.status.source != WEBCAM_URL):
        return False
    return view.ledger.queued == 0 and view.open_tracks == 0


def _send(broker: Broker, stream: str, fields: dict[str, bytes]) -> bool:
    """Add an entry and return whether the webcam is new. The key comes first: a member without it counts as silent."""
    keys = broker.keys_of(stream)
    key = keys.of_stream("webcam", stream)
    with broker.errors():
        pipeline = broker.client.pipeline(transaction=False)
        pipeline.xadd(key, cast("Any", fields), maxlen=MOST_PICTURES, approximate=False)
        pipeline.pexpire(key, SILENT_MS)
        pipeline.sadd(keys.of_partition("webcams"), stream)
        return bool(pipeline.execute()[2])


def _opened(sealer: Sealer, stream: str, number: int, sealed: bytes) -> bytes:
    """Return the picture, or nothing where api has another key: its pictures are as good as none."""
    try:
        return sealer.open(sealed, f"{stream}/webcam/{number}")
    except UnreadableCropError:
        return b""
