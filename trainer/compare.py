"""Models side by side on the same faces, as Markdown for a model card."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS, Emotion
from moodline.errors import ModelError
from moodline.manifest import Scores
from trainer.augment import scaled
from trainer.average import predict
from trainer.card import put_section
from trainer.data import Faces
from trainer.evaluate import Scorer, load_file, score
from trainer.labels import FOUR

if TYPE_CHECKING:
    import keras

_PEER_ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
_PEER_SIDE = 64
_NOTHING = "-"


@dataclass(frozen=True)
class Peer:
    """mini_XCEPTION (Arriaga et al. 2017), as github.com/oarriaga/face_classification publishes it."""

    model: "keras.Model"
    tag: str = "mini_XCEPTION"
    labels: tuple[Emotion, ...] = EMOTIONS

    def probabilities(self, faces: Faces, mirrored: bool = False) -> NDArray[np.float32]:
        """Probabilities (N, 7) of the faces, in our order."""
        images = np.asarray((scaled(faces.images, _PEER_SIDE) / 255 - 0.5) * 2, np.float32)
        found = predict(self.model, images)
        if mirrored:
            found = np.asarray((found + predict(self.model, np.ascontiguousarray(images[:, :, ::-1]))) / 2, np.float32)
        return np.asarray(found[:, [_PEER_ORDER.index(emotion) for emotion in EMOTIONS]], np.float32)


def load_peer(path: Path) -> Peer:
    """Load mini_XCEPTION's .hdf5 file. Raises ModelError."""
    model = load_file(path)
    if model.input_shape[1:] != (_PEER_SIDE, _PEER_SIDE, 1) or model.output_shape[1:] != (len(_PEER_ORDER),):
        raise ModelError(f"{path} is not mini_XCEPTION for seven emotions: name fer2013_mini_XCEPTION.102-0.66.hdf5.")
    return Peer(model)


def comparison(models: Sequence[Scorer | Peer], faces: Faces, away: NDArray[np.bool_] | None, mirrored: bool) -> str:
    """A Markdown table of the models' scores on the faces; `away` masks those without a near copy in training.

    A model of fewer emotions has dashes where it would be asked about others.
    """
    kinds = [("FER+ majority", faces.majority()), ("own labels", faces.labels)]
    kinds = [(name, labels) for name, labels in kinds if (labels >= 0).any()]
    copies = ", without near copies" if away is not None else ""
    titles = ["model", "labels", "seven", *(["seven" + copies] if copies else []), "four", "macro-F1", "ECE"]
    lines = [f"| {' | '.join(titles)} |", "|---" * 2 + "|--:" * (len(titles) - 2) + "|"]
    for model in models:
        found = model.probabilities(faces, mirrored)
        for name, labels in kinds:
            lines.append(f"| {' | '.join([model.tag, name, *_cells(found, labels, away, model.labels)])} |")
    return "\n".join(lines)


def _cells(
    found: NDArray[np.float32], labels: NDArray[np.int64], away: NDArray[np.bool_] | None, known: Sequence[Emotion]
) -> Iterator[str]:
    seven = _score(found, labels, EMOTIONS, known)
    yield f"{seven.accuracy:.1%}" if seven else _NOTHING
    if away is not None:
        apart = _score(found[away], labels[away], EMOTIONS, known)
        yield f"{apart.accuracy:.1%}" if apart else _NOTHING
    four = _score(found, labels, FOUR, known)
    yield f"{four.accuracy:.1%}" if four else _NOTHING
    yield f"{seven.macro_f1:.3f}" if seven else _NOTHING
    yield f"{seven.ece:.3f}" if seven else _NOTHING


def _score(
    found: NDArray[np.float32], labels: NDArray[np.int64], asked: Sequence[Emotion], known: Sequence[Emotion]
) -> Scores | None:
    """The scores on the faces of some emotions; None where there are no such faces, or the model knows not all."""
    there = np.isin(labels, [EMOTIONS.index(emotion) for emotion in asked]).any()
    return score(found, labels, asked) if there and set(asked) <= set(known) else None


def put_into(card: Path, table: str) -> None:
    """Write the table into a model card, in the place of an earlier one or at the end."""
    put_section(card, "comparison", f"## Beside others, on the same faces\n\n{table}")
