"""Faces with their labels, whatever they were read from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS, Emotion
from moodline.errors import MoodlineError

SIDE = 48

# FER+ (Barsoum et al. 2016) votes for ten things; the seven emotions are these, the rest is left out.
VOTES_OF: dict[Emotion, str] = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
    "surprise": "surprise",
}
OTHER_VOTES = ("contempt", "unknown", "nf")

# Names of the same things in other data sets' folders.
_ALSO = {"disgusted": "disgust", "fearful": "fear", "surprised": "surprise"} | {
    name: str(emotion) for emotion, name in VOTES_OF.items()
}


class DataError(MoodlineError):
    """Training data that cannot be used; the message names the place and the remedy."""


class NoDataError(DataError):
    """What was named as data is not there, or may not be looked at."""

    exit_code = 2


@dataclass(frozen=True)
class Faces:
    """N labelled faces of one split.

    images (N, 48, 48) uint8; labels (N,) index into EMOTIONS; votes (N, 7) FER+ votes in the same
    order, all 0 where there are none; others (N, 3) votes for contempt, unknown and not-a-face;
    group (N,) number shared by exact copies and near_group by near ones, -1 where it is not known.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.float32]
    others: NDArray[np.float32]
    group: NDArray[np.int64]
    near_group: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        images: Sequence[NDArray[np.uint8]],
        labels: Sequence[int],
        all_votes: NDArray[np.float32] | None = None,
    ) -> "Faces":
        """Faces of images of 48x48 and their labels; `all_votes` (N, 10): the seven emotions', then the others'."""
        count = len(images)
        if all_votes is None:
            all_votes = np.zeros((count, len(EMOTIONS) + len(OTHER_VOTES)), np.float32)
        nobody = np.full(count, -1, np.int64)
        return cls(
            np.stack(images) if count else np.empty((0, SIDE, SIDE), np.uint8),
            np.array(labels, np.int64),
            all_votes[:, : len(EMOTIONS)],
            all_votes[:, len(EMOTIONS) :],
            nobody,
            nobody,
        )

    def __len__(self) -> int:
        return len(self.images)

    def where(self, chosen: NDArray[Any]) -> "Faces":
        """The faces of a boolean mask or of indices."""
        return Faces(**{part.name: getattr(self, part.name)[chosen] for part in fields(self)})

    @property
    def has_votes(self) -> bool:
        """Whether FER+ votes are known."""
        return bool(self.votes.any())

    @property
    def has_groups(self) -> bool:
        """Whether it is known which faces are copies of others."""
        return bool(len(self)) and bool((self.group >= 0).all() and (self.near_group >= 0).all())

    def majority(self) -> NDArray[np.int64]:
        """The emotion (N,) that more raters chose than anything else, -1 where there is none.

        None: a tie for the first place, or most raters saw contempt, no face, or did not know.
        """
        all_votes = np.concatenate([self.votes, self.others], axis=1)
        first = all_votes.argmax(axis=1)
        top = all_votes.max(axis=1)
        clear = ((all_votes == top[:, None]).sum(axis=1) == 1) & (first < len(EMOTIONS)) & (top > 0)
        return np.where(clear, first, -1)


def refuse_wrong_votes(votes: NDArray[np.float32], table: str) -> None:
    """Raise DataError, naming the line of a table, where votes (N, 10) are negative or no number."""
    wrong = np.flatnonzero(~(np.isfinite(votes) & (votes >= 0)).all(axis=-1))
    if len(wrong):
        raise DataError(f"{table}:{wrong[0] + 2} has votes that are negative or no number; mend the line.")


def emotion_index(name: str) -> int | None:
    """The place in EMOTIONS of an emotion, however other data sets call it; None for anything else."""
    plain = name.strip().lower()
    plain = _ALSO.get(plain, plain)
    return EMOTIONS.index(plain) if plain in EMOTIONS else None
