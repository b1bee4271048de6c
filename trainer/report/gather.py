"""What a report shows, measured: a run's networks on the validation split."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from moodline.manifest import Scores
from trainer.augment import scaled
from trainer.average import predict
from trainer.calibrate import best_temperature
from trainer.data import Faces
from trainer.evaluate import score
from trainer.labels import labels_of
from trainer.metrics import confusion, softmax
from trainer.network import flops_per_face
from trainer.run import Run

_TITLES = {"ferplus": "FER+ majority", "fer2013": "own labels"}
_TIMED_S = 1.0


@dataclass(frozen=True)
class Head:
    """One output on the validation faces that have a label of its kind."""

    title: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    logits: NDArray[np.floating]
    temperature: float

    @cached_property
    def raw(self) -> NDArray[np.float64]:
        """Probabilities (N, 7) before temperature scaling."""
        return softmax(self.logits)

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Probabilities (N, 7) as they are published."""
        return softmax(self.logits / self.temperature)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Counts (7, 7): rows are labels, columns are predictions."""
        return confusion(self.probabilities, self.labels)

    def scores(self, *, calibrated: bool = True) -> Scores:
        """Scores on all seven emotions."""
        return score(self.probabilities if calibrated else self.raw, self.labels)

    def worst(self, count: int) -> NDArray[np.int64]:
        """Indices of the wrong answers that were given with the greatest confidence."""
        wrong = np.flatnonzero(self.probabilities.argmax(axis=1) != self.labels)
        order = np.argsort(-self.probabilities[wrong].max(axis=1), kind="stable")
        return wrong[order[:count]]


@dataclass(frozen=True)
class Gathered:
    """All that a report shows."""

    recipe: dict[str, Any]
    history: list[dict[str, float]]
    hours: float
    heads: tuple[Head, ...]
    train_counts: NDArray[np.int64]
    validation_counts: NDArray[np.int64]
    parameters: int
    flops_per_face: int
    faces_per_s: float
    device: str


def gather(run: Run, faces: Faces, validation: Faces) -> Gathered:
    """Measure a run's averaged network; `faces` are those that it learned from."""
    images = scaled(validation.images, run.side)
    logits = predict(run.averaged, images)
    heads = [_head(run, number, logits, validation) for number in range(len(run.recipe.labels.heads))]
    return Gathered(
        recipe=run.state.recipe,
        history=run.state.history,
        hours=run.state.seconds / 3600,
        heads=tuple(head for head in heads if head is not None),
        train_counts=_counts(faces),
        validation_counts=_counts(validation),
        parameters=run.averaged.count_params(),
        flops_per_face=flops_per_face(run.recipe.network, run.side, len(EMOTIONS)),
        faces_per_s=_speed(run, images[:256]),
        device=_device(),
    )


def _head(run: Run, number: int, logits: NDArray[np.float32], validation: Faces) -> Head | None:
    name = run.recipe.labels.heads[number]
    labels = labels_of(validation, name)
    chosen = labels >= 0
    if not chosen.any():
        return None
    mine = logits[chosen, number * len(EMOTIONS) :][:, : len(EMOTIONS)]
    title = _TITLES["fer2013" if not validation.has_votes else name]
    return Head(title, validation.images[chosen], labels[chosen], mine, best_temperature(mine, labels[chosen]))


def _counts(faces: Faces) -> NDArray[np.int64]:
    return np.bincount(faces.labels, minlength=len(EMOTIONS))


def _speed(run: Run, batch: NDArray[np.float32]) -> float:
    """Faces a second, in batches, warm."""
    predict(run.averaged, batch, len(batch))
    began, count = time.monotonic(), 0
    while (spent := time.monotonic() - began) < _TIMED_S:
        predict(run.averaged, batch, len(batch))
        count += len(batch)
    return count / spent


def _device() -> str:
    """What the speed was measured on."""
    import os

    import keras

    return f"Keras on {keras.config.backend()}, {os.cpu_count()} CPU cores"
