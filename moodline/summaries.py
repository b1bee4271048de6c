"""Summaries over time: kept by the commit itself, read here without a scan."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moodline.broker import Broker
from moodline.emotions import EMOTIONS, Emotion
from moodline.resolutions import Groups, stepped, whole
from moodline.settings import SummarySettings
from moodline.streams import pairs


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


def summary(
    broker: Broker,
    streams: Sequence[str],
    settings: SummarySettings,
    *,
    window: timedelta,
    until: datetime | None = None,
) -> Bucket:
    """Return one bucket over the ``window`` of the given streams that ends at ``until``.

    Without ``until``, live streams count back from now and recorded ones from their last event. Raises ValueError for a
    window that is too long for the resolutions that are kept.
    """
    return _collect(broker, streams, whole(settings, window=window, until=until))[0]


def comparison(
    broker: Broker,
    streams: Sequence[str],
    settings: SummarySettings,
    *,
    window: timedelta,
    until: datetime | None = None,
) -> tuple[Bucket, Bucket]:
    """Return the window before, and the ``window`` that ``summary`` returns; both must be kept. Raises ValueError."""
    before, now = _collect(broker, streams, whole(settings, window=window, until=until, count=2))
    return before, now


def timeline(
    broker: Broker,
    streams: Sequence[str],
    settings: SummarySettings,
    *,
    window: timedelta,
    step: timedelta,
    until: datetime | None = None,
) -> list[Bucket]:
    """Return buckets of ``step`` that cover ``window``, oldest first, empty ones too. Raises ValueError."""
    return _collect(broker, streams, stepped(settings, window=window, step=step, until=until))


def _collect(broker: Broker, streams: Sequence[str], groups: Groups) -> list[Bucket]:
    merged: list[dict[str, int]] = [{} for _ in range(groups.count)]
    step_s = round(groups.step.total_seconds())
    window: list[Any] = [step_s, groups.count, groups.size, groups.align, groups.factors]
    # Without a given end the window ends with the bucket that is under way, so that its newest faces are in.
    window += [] if groups.ends is None else [groups.ends]
    ends = [] if groups.ends is None else [groups.ends]
    for reply in _replies(broker, streams, window):
        ends.append(int(reply[6]))
        for group, fields in reply[5]:
            _merge(merged[int(group)], {name: int(value) for name, value in pairs(fields).items()})
    span_ms = step_s * 1000 * groups.size
    newest = max(ends) if ends else (int(time.time()) // (step_s * groups.align) + 1) * groups.align
    start_ms = newest * step_s * 1000 - groups.count * span_ms
    return [_bucket(fields, start_ms + i * span_ms, span_ms) for i, fields in enumerate(merged)]


def _replies(broker: Broker, streams: Sequence[str], window: Sequence[Any]) -> Iterator[Any]:
    """Yield what ``read`` says of each stream, those of a partition in one round trip."""
    by_partition: dict[Any, list[str]] = {}
    for stream in streams:
        by_partition.setdefault(broker.keys_of(stream), []).append(stream)
    for keys, of_partition in by_partition.items():
        yield from broker.run_each("read", keys, [{"stream": stream, "window": window} for stream in of_partition])


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
