"""Summaries over time: kept by the commit itself, read here without a scan."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moodline.broker import Broker
from moodline.emotions import EMOTIONS, Emotion
from moodline.settings import SummarySettings
from moodline.streams import pairs

_MOST_READ = 20_000
MAX_BUCKETS = 3000
"""Buckets that one answer may read: what 48 hours of minutes need."""


@dataclass(frozen=True, slots=True)
class EmotionShare:
    """How often an emotion was the strongest, and its mean probability over all faces."""

    count: int
    share: float
    mean_probability: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """Faces of one span of time. ``tracks``: distinct faces followed; first and last seen in UTC."""

    start: datetime
    end: datetime
    faces: int
    tracks: int
    emotions: Mapping[Emotion, EmotionShare]
    first_seen: datetime | None
    last_seen: datetime | None


def summary(broker: Broker, streams: Sequence[str], settings: SummarySettings, *, window: timedelta) -> Bucket:
    """Return one bucket over the last ``window`` of the given streams.

    Live streams count back from now, recorded ones from their last event. Raises ValueError for a window that is too
    short or too long for the resolutions that are kept.
    """
    resolution, _ = _resolution(settings, window, finest=None)
    if window / resolution > _MOST_READ:
        raise ValueError("is too long for the resolutions that are kept; keep a coarser one as long")
    size = math.ceil(window / resolution)
    return _collect(broker, streams, resolution, size=size, count=1, align=1)[0]


def timeline(
    broker: Broker, streams: Sequence[str], settings: SummarySettings, *, window: timedelta, step: timedelta
) -> list[Bucket]:
    """Return buckets of ``step`` that cover ``window``, oldest first, empty ones too. Raises ValueError."""
    resolution, size = _resolution(settings, window, finest=step)
    return _collect(broker, streams, resolution, size=size, count=math.ceil(window / step), align=size)


def _collect(
    broker: Broker, streams: Sequence[str], resolution: timedelta, *, size: int, count: int, align: int
) -> list[Bucket]:
    """Read ``count`` groups of ``size`` buckets each, which end with the newest bucket, aligned to ``align``."""
    merged: list[dict[str, int]] = [{} for _ in range(count)]
    step_s = round(resolution.total_seconds())
    ends = []
    for stream in streams:
        # The window ends with the bucket that is under way, so that its newest faces are in.
        window = [step_s, count, size, align]
        reply: Any = broker.run("read", broker.keys_of(stream), stream=stream, window=window)
        ends.append(int(reply[6]))
        for group, fields in reply[5]:
            _merge(merged[int(group)], {name: int(value) for name, value in pairs(fields).items()})
    span_ms = step_s * 1000 * size
    newest = max(ends) if ends else (int(time.time()) // (step_s * align) + 1) * align
    start_ms = newest * step_s * 1000 - count * span_ms
    return [_bucket(fields, start_ms + i * span_ms, span_ms) for i, fields in enumerate(merged)]


def _resolution(settings: SummarySettings, window: timedelta, *, finest: timedelta | None) -> tuple[timedelta, int]:
    """Return the step of the buckets to read, and how many of them make one of the answer's."""
    if window <= timedelta(0):
        raise ValueError("must be longer than zero, for example 15m")
    kept = [(r.step, r.keep) for r in settings.resolutions if r.keep >= window]
    if not kept:
        longest = max(r.keep for r in settings.resolutions)
        raise ValueError(f"is longer than what is kept ({longest.days} days)")
    if finest is None:
        return next((step for step, _ in kept if window / step <= MAX_BUCKETS), kept[-1][0]), 1
    fitting = [step for step, _ in kept if step <= finest and finest % step == timedelta(0)]
    if not fitting:
        steps = ", ".join(f"{step.total_seconds():g} s" for step, _ in kept)
        raise ValueError(f"must be a multiple of a step that is kept for this window ({steps})")
    step = next((s for s in fitting if window / s <= MAX_BUCKETS), fitting[-1])
    if window / finest > MAX_BUCKETS:
        raise ValueError(f"gives more than {MAX_BUCKETS} steps in this window; choose a longer step")
    return step, round(finest / step)


def _merge(total: dict[str, int], fields: Mapping[str, int]) -> None:
    for name, value in fields.items():
        if name == "first":
            total[name] = min(total.get(name, value), value)
        elif name == "last":
            total[name] = max(total.get(name, value), value)
        else:
            total[name] = total.get(name, 0) + value


def _bucket(fields: Mapping[str, int], start_ms: int, span_ms: int) -> Bucket:
    faces = fields.get("faces", 0)
    return Bucket(
        start=_utc(start_ms),
        end=_utc(start_ms + span_ms),
        faces=faces,
        tracks=fields.get("tracks", 0),
        emotions={emotion: _share(fields, emotion, faces) for emotion in EMOTIONS},
        first_seen=_utc(fields["first"]) if "first" in fields else None,
        last_seen=_utc(fields["last"]) if "last" in fields else None,
    )


def _share(fields: Mapping[str, int], emotion: Emotion, faces: int) -> EmotionShare:
    count = fields.get(f"count:{emotion}", 0)
    # Sums are kept in ten-thousandths, so that they add up exactly.
    probability = fields.get(f"sum:{emotion}", 0) / 10_000
    return EmotionShare(count, count / faces if faces else 0.0, probability / faces if faces else 0.0)


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
