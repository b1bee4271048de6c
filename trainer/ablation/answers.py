"""What a variant that is trained answers on the validation faces, kept in its folder: the sign that it is done."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from trainer.augment import scaled
from trainer.average import predict
from trainer.batches import steps_per_epoch
from trainer.calibrate import best_temperature, prior_shift
from trainer.data import Faces
from trainer.labels import labels_of, targets, training_faces
from trainer.metrics import softmax
from trainer.publish import finished_run

_NAME = "answers.npz"


@dataclass(frozen=True)
class Answers:
    """Logits (N, 7 for each head) of the validation faces and of their mirror images, and what the training cost."""

    plain: NDArray[np.float32]
    mirrored: NDArray[np.float32]
    heads: tuple[str, ...]
    priors: NDArray[np.float64]
    faces: int
    steps: int
    seconds: float

    def probabilities(self, kind: str, validation: Faces, *, mirrored: bool, shift: float = 0.0) -> NDArray[np.float64]:
        """Probabilities (N, 7) of the head for a kind of labels (`fer2013`, `ferplus`), or of the only head.

        Calibrated, as they would be published, with a `shift` of that strength for rare emotions.
        """
        head = kind if kind in self.heads else self.heads[0]
        first = self.heads.index(head) * len(EMOTIONS)
        columns = slice(first, first + len(EMOTIONS))
        labels = labels_of(validation, head)
        temperature = best_temperature(self.plain[labels >= 0, columns], labels[labels >= 0])
        added = prior_shift(self.priors[None, columns], shift)
        found = softmax(self.plain[:, columns] / temperature + added)
        if mirrored:
            found = (found + softmax(self.mirrored[:, columns] / temperature + added)) / 2
        return found


def answer(folder: Path, train: Faces, validation: Faces) -> Answers:
    """Ask a run that is done, and keep its answers in its folder."""
    run = finished_run(folder)
    faces = training_faces(train, validation, run.recipe.labels)
    run.average(faces, run.side)
    images = scaled(validation.images, run.side)
    found = Answers(
        predict(run.averaged, images),
        predict(run.averaged, np.ascontiguousarray(images[:, :, ::-1])),
        run.recipe.labels.heads,
        targets(faces, run.recipe.labels).sum(axis=0, dtype=np.float64),
        len(faces),
        steps_per_epoch(len(faces), run.recipe.batch) * run.state.epochs_done,
        run.state.seconds,
    )
    temporary = folder / f".{_NAME}-{os.getpid()}"
    with temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: np.asarray(value) for name, value in vars(found).items()})
    temporary.replace(folder / _NAME)
    return found


def kept_answers(folder: Path) -> Answers | None:
    """The answers of a variant that is done, None where it is not."""
    path = folder / _NAME
    if not path.is_file():
        return None
    with np.load(path) as kept:
        return Answers(
            kept["plain"],
            kept["mirrored"],
            tuple(str(head) for head in kept["heads"]),
            kept["priors"],
            int(kept["faces"]),
            int(kept["steps"]),
            float(kept["seconds"]),
        )
