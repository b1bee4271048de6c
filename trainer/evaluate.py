"""How good a model is on a split: against the raters' majority and against the data set's own labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS, Emotion
from moodline.errors import ModelError
from moodline.manifest import LabelScores, Scores, SplitScores, verify_model
from trainer.average import predict
from trainer.data import Faces
from trainer.labels import FOUR
from trainer.metrics import accuracy, calibration_error, confusion, macro_f1, recalls, restricted

if TYPE_CHECKING:
    import keras


def load_model(folder: Path) -> "keras.Model":
    """Load the model of a model folder, after its sha256 was checked. Raises ModelError."""
    return load_file(folder / verify_model(folder).file)


@dataclass(frozen=True)
class Scorer:
    """A model that faces are shown to."""

    tag: str
    labels: tuple[Emotion, ...]
    model: "keras.Model"

    def probabilities(self, faces: Faces, mirrored: bool = False) -> NDArray[np.float32]:
        """Probabilities (N, 7) of the faces, 0 for emotions that the model does not know."""
        out = np.zeros((len(faces), len(EMOTIONS)), np.float32)
        out[:, [EMOTIONS.index(label) for label in self.labels]] = probabilities(self.model, faces, mirrored)
        return out


def load_scorer(folder: Path) -> Scorer:
    """Load the model of a model folder, after its sha256 was checked. Raises ModelError."""
    manifest = verify_model(folder)
    return Scorer(f"{manifest.name}@{manifest.version}", manifest.labels, load_file(folder / manifest.file))


def load_file(path: Path) -> "keras.Model":
    """Load a `.keras` file. Raises ModelError."""
    import keras

    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path} is no model that this Keras can load: publish it again.") from error


def probabilities(model: "keras.Model", faces: Faces, mirrored: bool = False) -> NDArray[np.float32]:
    """Probabilities (N, 7) of the faces; with `mirrored`, the mean over each face and its mirror."""
    images = faces.images[..., None].astype(np.float32)
    found = predict(model, images)
    if mirrored:
        found = np.asarray((found + predict(model, np.ascontiguousarray(images[:, :, ::-1]))) / 2, np.float32)
    return found


def score(found: NDArray[np.floating], labels: NDArray[np.int64], kept: Sequence[Emotion] = EMOTIONS) -> Scores:
    """Score probabilities (N, 7) against labels (N,), -1 for faces without one.

    With fewer emotions, faces of the others are left out and the probabilities renormalised. Raises
    ValueError where no face is left.
    """
    indices = [EMOTIONS.index(emotion) for emotion in kept]
    chosen = np.isin(labels, indices)
    if not chosen.any():
        raise ValueError(f"no face has a label among {', '.join(kept)}")
    kept_found, labels = restricted(found[chosen], indices), labels[chosen]
    table = confusion(kept_found, labels)
    return Scores(
        faces=len(labels),
        accuracy=round(accuracy(kept_found, labels), 4),
        macro_f1=round(macro_f1(table), 4),
        ece=round(calibration_error(kept_found, labels), 4),
        recall={EMOTIONS[i]: round(float(recalls(table)[i]), 4) for i in indices if table[i].any()},
    )


def split_scores(
    found: NDArray[np.floating], faces: Faces, split: str, mirrored: bool, near_copies: int, apart: bool = False
) -> SplitScores:
    """Score probabilities (N, 7) of a split against both kinds of labels, on seven and on four emotions.

    `near_copies` is how many of them have a near copy among the faces that the model was trained on,
    `apart` whether such faces were left out before.
    """
    majority = faces.majority()
    return SplitScores(
        split=split,
        mirrored_copy=mirrored,
        apart=apart,
        near_copies=near_copies,
        fer2013=_both(found, faces.labels),
        ferplus=_both(found, majority) if (majority >= 0).any() else None,
    )


def _both(found: NDArray[np.floating], labels: NDArray[np.int64]) -> LabelScores:
    there = np.isin(labels, [EMOTIONS.index(emotion) for emotion in FOUR]).any()
    nothing = Scores(faces=0, accuracy=0, macro_f1=0, ece=0, recall={})
    return LabelScores(seven=score(found, labels), four=score(found, labels, FOUR) if there else nothing)
