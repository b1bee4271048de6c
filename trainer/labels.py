"""Which faces are learned from, and what is learned of each."""

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS, Emotion
from trainer.data import Faces
from trainer.recipe import Labels

# The original notebook's four: the ones that most faces have.
FOUR: tuple[Emotion, ...] = ("angry", "happy", "neutral", "sad")


def usable(faces: Faces, how: Labels) -> NDArray[np.bool_]:
    """Mask (N,) of the faces to learn from.

    With votes: at least `how.least_votes` of them for the seven emotions, and one of the seven in
    the first place. Without votes: all.
    """
    if not faces.has_votes:
        return np.ones(len(faces), np.bool_)
    enough = faces.votes.sum(axis=1) >= how.least_votes
    return np.asarray(enough & (faces.votes.max(axis=1) >= faces.others.max(axis=1)))


def targets(faces: Faces, how: Labels) -> NDArray[np.float32]:
    """Soft labels (N, 7), each row adding up to 1: the raters' votes, mixed with the data's own label."""
    own = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels]
    if not faces.has_votes:
        return own
    votes = faces.votes / np.maximum(faces.votes.sum(axis=1, keepdims=True), 1)
    return np.asarray((1 - how.fer2013_weight) * votes + how.fer2013_weight * own, np.float32)


def without_copies(faces: Faces) -> NDArray[np.bool_]:
    """Mask (N,) that keeps the first of each set of exact copies."""
    _, first = np.unique(faces.group, return_index=True)
    keep = faces.group < 0
    keep[first] = True
    return np.asarray(keep)


def away_from(faces: Faces, others: Faces) -> NDArray[np.bool_]:
    """Mask (N,) of the faces that have no near copy (mirrored ones too) among `others`."""
    known = others.near_group[others.near_group >= 0]
    return ~np.isin(faces.near_group, known)


def training_faces(train: Faces, validation: Faces, how: Labels) -> Faces:
    """The faces of `train` to learn from: usable, once each, and unlike those of `validation`."""
    return train.where(usable(train, how) & without_copies(train) & away_from(train, validation))
