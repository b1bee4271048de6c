"""A crop: one face cut out of one frame, and how it travels through a crop queue.

A queue entry has the fields of ``Field``. ``meta`` is a MessagePack map, ``image`` the sealed pixels. Entries are
added by ``enqueue.lua`` alone, which also writes ``age``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, NamedTuple

import msgpack

from moodline.errors import PoisonCropError
from moodline.sealing import Sealer

CROP_SCHEMA: Final = 1
CROP_SIDE: Final = 48
"""Height and width of a crop, in pixels: the model's input."""
CROP_BYTES: Final = CROP_SIDE * CROP_SIDE
_NUMBERS: Final = (int, float)  # a union would be made anew for every field of every crop
_YEAR_10000_MS: Final = 253_402_300_800_000
_TRACE_CONTEXT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


class Box(NamedTuple):
    """A rectangle in pixels of the full frame."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Crop:
    """One face of one frame; ``pixels`` is 48x48 grey, row by row."""

    face: int
    track: str
    box: Box
    score: float
    pixels: bytes


@dataclass(frozen=True, slots=True)
class FrameCrops:
    """What ingest found in one analysed frame.

    ``captured_at_ms`` is UTC in Unix milliseconds (recorded: the file's ``start_at`` plus media time); ``stages``
    are milliseconds since capture; ``ended_tracks`` are tracks of which nothing more will come; ``trace`` is
    the context of the frame's trace, which nearly all frames lack.
    """

    frame: int
    captured_at_ms: int
    width: int
    height: int
    crops: tuple[Crop, ...]
    ended_tracks: tuple[str, ...]
    stages: Mapping[str, float]
    trace: str | None = None


@dataclass(slots=True)
class QueuedCrop:
    """A crop as the worker takes it: decoded and opened."""

    id: str
    frame: int
    track: str
    box: Box
    frame_width: int
    frame_height: int
    score: float
    captured_at_ms: int
    stages: Mapping[str, float]
    pixels: bytes
    trace: str | None = None


def encode_crop(crop: Crop, frame: FrameCrops, *, crop_id: str, sealer: Sealer) -> tuple[bytes, bytes]:
    """Return a crop's ``meta`` and sealed ``image`` for the queue."""
    box = crop.box
    meta = {
        "v": CROP_SCHEMA,
        "id": crop_id,
        "frame": frame.frame,
        "track": crop.track,
        "box": [box.x, box.y, box.width, box.height],
        "size": [frame.width, frame.height],
        "score": round(crop.score, 3),
        "at": frame.captured_at_ms,
        "stages": {name: round(value, 1) for name, value in frame.stages.items()},
    }
    if frame.trace is not None:
        meta["trace"] = frame.trace
    packed: bytes = msgpack.packb(meta)
    return packed, sealer.seal(crop.pixels, crop_id)


def decode_crop(meta: bytes, image: bytes, *, sealer: Sealer) -> QueuedCrop:
    """Decode a queue entry. Raises PoisonCropError (no crop of ours) or UnreadableCropError (another key)."""
    fields = _unpack_meta(meta)
    try:
        crop_id = _text(fields["id"])
        x, y, width, height = fields["box"]
        frame_width, frame_height = fields["size"]
        # By position: by name takes three times as long.
        crop = QueuedCrop(
            crop_id,
            int(fields["frame"]),
            _text(fields["track"]),
            Box(int(x), int(y), int(width), int(height)),
            int(frame_width),
            int(frame_height),
            _finite(fields["score"]),
            _moment(fields["at"]),
            _stages(fields["stages"]),
            sealer.open(image, crop_id),
            _trace_context(fields["trace"]) if "trace" in fields else None,
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise PoisonCropError(f"a field of the crop is missing or has the wrong type ({error!r})") from error
    if len(crop.pixels) != CROP_BYTES:
        raise PoisonCropError(
            f"the crop has {len(crop.pixels)} bytes of pixels instead of {CROP_BYTES} ({CROP_SIDE}x{CROP_SIDE} grey)"
        )
    return crop


def _unpack_meta(meta: bytes) -> dict[str, Any]:
    try:
        fields = msgpack.unpackb(meta)
    except Exception as error:  # msgpack raises many kinds, none of them documented as complete
        raise PoisonCropError(f"the crop's description is not MessagePack ({type(error).__name__})") from error
    if not isinstance(fields, dict):
        raise PoisonCropError("the crop's description is not a MessagePack map")
    if fields.get("v") != CROP_SCHEMA:
        raise PoisonCropError(f"the crop has schema {fields.get('v')!r}; this worker knows schema {CROP_SCHEMA}")
    return fields


def _finite(value: object) -> float:
    # The first look is the cheap one, and nearly always enough: this runs for every number of every crop.
    if (type(value) is not float and not isinstance(value, _NUMBERS)) or not isfinite(value):
        raise ValueError("expected a finite number")
    return float(value)


def _stages(found: dict[object, object]) -> dict[str, float]:
    stages = {}
    for name, value in found.items():
        stages[_text(name)] = _finite(value)
    return stages


def _moment(value: object) -> int:
    milliseconds = int(_finite(value))
    if not 0 <= milliseconds < _YEAR_10000_MS:
        raise ValueError("expected a time between 1970 and 9999")
    return milliseconds


def _trace_context(value: object) -> str | None:
    """What is no context is no reason to lose a crop."""
    return value if isinstance(value, str) and _TRACE_CONTEXT.fullmatch(value) else None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value
