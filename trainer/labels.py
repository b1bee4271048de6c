"""Which faces are learned from, and what is learned of each."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS, Emotion
from trainer.data import OTHER_VOTES, DataError, Faces
from trainer.recipe import Labels

# The original notebook's four: the ones that most faces have.
FOUR: tuple[Emotion, ...] = ("angry", "happy", "neutral", "sad")

_UNKNOWN = OTHER_VOTES.index("unknown")


def usable(faces: Faces, how: Labels) -> NDArray[np.bool_]:
    """Mask (N,) of the faces to learn from.

    With votes: at least `how.least_votes` of them for the seven emotions, and one of the seven in
    the first place. Without votes, or where the own label is learned beside them or alone: all.
    """
    if how.two_heads or not faces.has_votes or how.fer2013_weight == 1:
        return np.ones(len(faces), np.bool_)
    return _voted(faces, how)


def _voted(faces: Faces, how: Labels) -> NDArray[np.bool_]:
    enough = faces.votes.sum(axis=1) >= how.least_votes
    return np.asarray(enough & (faces.votes.max(axis=1) >= faces.others.max(axis=1)))


def targets(faces: Faces, how: Labels) -> NDArray[np.float32]:
    """Soft labels (N, 7), each row adding up to 1: the raters' votes, mixed with the data's own label.

    With two heads (N, 14): the votes and the own label side by side, each times its share of the
    loss; the votes are all 0 where they are too few to learn from.
    """
    own = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels]
    own = np.asarray((1 - how.smoothing) * own + how.smoothing / len(EMOTIONS), np.float32)
    if not faces.has_votes and not how.two_heads:
        return own
    votes = faces.votes
    if how.hard:
        votes = np.where(votes == votes.max(axis=1, keepdims=True), votes, 0)
    votes = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    if how.two_heads:
        votes = votes * _voted(faces, how)[:, None]
        sides = ((1 - how.fer2013_weight) * votes, how.fer2013_weight * own)
        return np.concatenate(sides, axis=1, dtype=np.float32)
    return np.asarray((1 - how.fer2013_weight) * votes + how.fer2013_weight * own, np.float32)


def labels_of(faces: Faces, head: str) -> NDArray[np.int64]:
    """What a head is to find (N,): the raters' majority where there are votes, -1 for none; or the own label."""
    return faces.majority() if head == "ferplus" and faces.has_votes else faces.labels


def limited(faces: Faces, how: Labels) -> Faces:
    """The faces of the emotions to tell apart; votes for the others count as votes for something else.

    Where the votes alone are learned, they decide which faces these are; else the data's own label.
    """
    if how.emotions == EMOTIONS:
        return faces
    kept = np.isin(EMOTIONS, how.emotions)
    others = faces.others.copy()
    others[:, _UNKNOWN] += faces.votes[:, ~kept].sum(axis=1)
    faces = replace(faces, votes=np.where(kept, faces.votes, 0).astype(np.float32), others=others)
    by_votes = faces.has_votes and not how.two_heads and how.fer2013_weight == 0
    return faces.where((faces.majority() >= 0) if by_votes else kept[faces.labels])


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
    """The faces of `train` to learn from: usable, once each, and (without `near_copies`) unlike `validation`'s.

    Raises DataError where votes are to be learned by an output of their own, and there are none; or where no face is
    left.
    """
    if how.two_heads and not train.has_votes:
        raise DataError(
            "The recipe has an output of its own for FER+ votes, and the data has none: put fer2013new.csv beside "
            "fer2013.csv, or take a recipe with one output, such as `default`."
        )
    kept = limited(train, how)
    chosen = usable(kept, how) & without_copies(kept)
    away = chosen if how.near_copies else chosen & away_from(kept, validation)
    if not away.any():
        raise DataError(f"None of the {len(train)} faces of train is left to learn from: {_why(kept, chosen, how)}.")
    return kept.where(away)


def _why(kept: Faces, chosen: NDArray[np.bool_], how: Labels) -> str:
    if not len(kept):
        return f"none shows one of {', '.join(how.emotions)}; name others, or add such faces"
    if not chosen.any():
        return (
            f"raters saw none of the seven emotions in them, or fewer than {how.least_votes} did (least_votes in the "
            "recipe's labels); lower that, or take the votes away"
        )
    return (
        "each is a near copy of one in validation; take those out of validation, or set near_copies in the recipe's "
        "labels"
    )


def validation_faces(validation: Faces, how: Labels) -> Faces:
    """The faces of `validation` to judge a training by. Raises DataError where an output could not be judged."""
    faces = limited(validation, how)
    if not all((labels_of(faces, head) >= 0).any() for head in how.heads):
        raise DataError(
            f"The validation split holds no face that shows one of {', '.join(how.emotions)}: name other emotions, or "
            "add such faces."
        )
    return faces
