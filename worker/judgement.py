"""Writes what the model said of a crop as the members of an event's JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Final

import numpy as np
from pydantic_core import to_json

from moodline.crop import QueuedCrop
from moodline.event import rfc3339
from moodline.work_queue import Committed
from worker.batch import Item
from worker.engines.base import Probabilities
from worker.model import Classifier

_STEPS: Final = 10_000
_STAGES: Final = ("enqueued", "taken", "inferred", "committed")


def judged(
    items: Sequence[Item], probabilities: Probabilities, classifier: Classifier, *, inferred_ms: float, waited_ms: float
) -> list[Committed]:
    """Return the crops with their judgement. ``inferred_ms``, ``waited_ms``: from take to inferred, and to now."""
    model = to_json({"name": classifier.manifest.name, "version": classifier.manifest.version}).decode()
    best = np.argmax(probabilities, axis=1).tolist()
    return [
        Committed(  # by position, as queued crops are made, too
            item.entry,
            item.crop.id,
            item.crop.track,
            item.crop.captured_at_ms,
            _head(item.hand.stream, item.crop, model),
            _tail(shown, label, classifier.labels, {**item.crop.stages, **dict(zip(_STAGES, stages, strict=True))}),
            row,
            label,
        )
        for item, row, shown, label, stages in zip(
            items,
            probabilities.tolist(),
            _shown(probabilities),
            best,
            _latencies(items, inferred_ms, waited_ms),
            strict=True,
        )
    ]


def _head(stream: str, crop: QueuedCrop, model: str) -> bytes:
    # Put together by hand: this runs for every crop, and takes half the time of encoding a dict.
    x, y, width, height = crop.box
    return (
        f'"stream":{_quoted(stream)},"frame":{crop.frame},"captured_at":"{_captured_at(crop.captured_at_ms)}",'
        f'"track":{_quoted(crop.track)},"box":{{"x":{x},"y":{y},"width":{width},"height":{height},'
        f'"frame_width":{crop.frame_width},"frame_height":{crop.frame_height}}},"model":{model}'
    ).encode()


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return to_json(text).decode()


@lru_cache(maxsize=1024)
def _captured_at(unix_ms: int) -> str:
    """Return the moment as events write it; cached, since all faces of a frame share it."""
    return rfc3339(datetime.fromtimestamp(unix_ms / 1000, UTC))


def _shown(probabilities: Probabilities) -> list[list[str]]:
    """Return them as events write them: with up to four decimals."""
    texts = _decimals()
    # What is no number is in the batch still, and not among what is committed.
    finite = np.nan_to_num(probabilities.astype(np.float64))
    steps = np.clip(np.rint(finite * _STEPS), 0, _STEPS).astype(int).tolist()
    return [[texts[step] for step in row] for row in steps]


@cache
def _decimals() -> list[str]:
    """Return what a probability can look like: writing each number anew takes a quarter of the time of an event."""
    return [repr(step / _STEPS) for step in range(_STEPS + 1)]


def _tail(shown: Sequence[str], label: int, labels: tuple[str, ...], latency: dict[str, float]) -> bytes:
    return (_form(labels) % (labels[label], shown[label], *shown)).encode() + to_json(latency)


@lru_cache(maxsize=8)
def _form(labels: tuple[str, ...]) -> str:
    """Return the members with places for the emotion, its probability, and those of all labels."""
    probabilities = ",".join(f'"{name}":%s' for name in labels)
    return f'"emotion":"%s","confidence":%s,"probabilities":{{{probabilities}}},"latency_ms":'


def _latencies(items: Sequence[Item], inferred_ms: float, waited_ms: float) -> list[list[float]]:
    """Milliseconds from capture to the end of each of ``_STAGES``, shape (N, 4), rounded all at once."""
    taken = np.array([item.entry.age_ms for item in items])
    queued = np.array([item.entry.queued_ms for item in items])
    rounded: list[list[float]] = np.round(
        np.stack([taken - queued, taken, taken + inferred_ms, taken + waited_ms], axis=1), 1
    ).tolist()
    return rounded
