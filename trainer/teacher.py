"""A run that goes on from another one can learn from that one's answers too, since raters disagree with many labels."""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from trainer.augment import scaled
from trainer.average import predict
from trainer.checkpoint import DAMAGED, CheckpointError
from trainer.data import Faces
from trainer.metrics import restricted, softmax
from trainer.run import Run

log = logging.getLogger(__name__)

TEACHER_NAME = "teacher.npy"
_AT_ONCE = 4096  # faces scaled and held in memory


def taught(run: Run, faces: Faces, goal: NDArray[np.float32], folder: Path) -> NDArray[np.float32]:
    """The labels `goal` (N, 7 for each head), the own ones blended with answers of the run that this one goes on from.

    That is distillation into a network of the same shape (Furlanello et al. 2018, "Born Again Neural Networks"). The
    answers are those of the weights that the run begins with; they are kept in its folder, so that a resumed run learns
    from the same. Raises CheckpointError where they are gone.
    """
    share = run.recipe.labels.teacher
    if not share:
        return goal
    first = len(EMOTIONS) * run.recipe.labels.heads.index("fer2013")
    own = slice(first, first + len(EMOTIONS))
    path = folder / TEACHER_NAME
    if run.state.epochs_done == 0:
        _save(path, _answers(run, faces, own))
    weights = goal[:, own].sum(axis=1, keepdims=True)
    out = goal.copy()
    out[:, own] = (1 - share) * goal[:, own] + share * weights * _load(path, len(faces))
    return out


def _answers(run: Run, faces: Faces, columns: slice) -> NDArray[np.float32]:
    """Probabilities (N, 7) that the run begins with: means over each face and its mirrored copy.

    Those of emotions that this run is not to tell apart are 0.
    """
    side, kept = run.recipe.size_of(0), [EMOTIONS.index(emotion) for emotion in run.recipe.labels.emotions]
    run.average(faces, side)
    parts = []
    for start in range(0, len(faces), _AT_ONCE):
        images = scaled(faces.images[start : start + _AT_ONCE], side)
        views = [predict(run.averaged, view)[:, columns] for view in (images, np.ascontiguousarray(images[:, :, ::-1]))]
        parts.append(np.mean([restricted(softmax(logits), kept) for logits in views], axis=0))
        log.info("the run before has answered about %d of %d faces", start + len(images), len(faces))
    return np.concatenate(parts, dtype=np.float32)


def _save(path: Path, answers: NDArray[np.float32]) -> None:
    """Write answers (N, 7): the file is whole, or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part.npy")
    np.save(fresh, answers.astype(np.float16))
    fresh.replace(path)


def _load(path: Path, count: int) -> NDArray[np.float32]:
    """Read the answers (N, 7) for `count` faces. Raises CheckpointError."""
    try:
        answers = np.load(path)
    except (OSError, *DAMAGED) as error:
        raise CheckpointError(
            f"{path}, which the run learns from, is missing or damaged: put it back, or train anew."
        ) from error
    if answers.shape != (count, len(EMOTIONS)):
        raise CheckpointError(f"{path} is of other faces than the {count} to learn from: train anew.")
    return np.asarray(answers, np.float32)
