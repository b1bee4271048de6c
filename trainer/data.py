"""Labelled faces from a folder, in either of two layouts, as one type.

- the Kaggle layout: `<split>/<emotion>/*.png` (or `images/<split>/...`), labels are the folders' names;
- sheets: `<split>.csv` with a line a face, and the faces packed into `<split>_NN.jpg`, with FER+ votes.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from moodline.errors import MoodlineError

SIDE = 48
_CELLS = 32  # faces in a row of a sheet
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp"}

# FER+ (Barsoum et al. 2016) votes for ten things; the seven emotions are these, the rest is left out.
VOTES_OF: dict[str, str] = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
    "surprise": "surprise",
}
OTHER_VOTES = ("contempt", "unknown", "nf")


class DataError(MoodlineError):
    """Training data that cannot be used; the message names the place and the remedy."""


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

    def __len__(self) -> int:
        return len(self.images)

    def where(self, chosen: NDArray[Any]) -> "Faces":
        """The faces of a boolean mask or of indices."""
        return Faces(**{part.name: getattr(self, part.name)[chosen] for part in fields(self)})

    @property
    def has_votes(self) -> bool:
        """Whether FER+ votes are known."""
        return bool(self.votes.any())

    def majority(self) -> NDArray[np.int64]:
        """The emotion (N,) that more raters chose than anything else, -1 where there is none.

        None: a tie for the first place, or most raters saw contempt, no face, or did not know.
        """
        all_votes = np.concatenate([self.votes, self.others], axis=1)
        first = all_votes.argmax(axis=1)
        top = all_votes.max(axis=1)
        clear = ((all_votes == top[:, None]).sum(axis=1) == 1) & (first < len(EMOTIONS)) & (top > 0)
        return np.where(clear, first, -1)


def read_split(folder: Path, split: str) -> Faces:
    """Read one split (`train`, `validation`) of a data folder in any of the two layouts.

    Raises DataError, in one sentence, where the split is missing or a file in it cannot be read.
    """
    table = folder / f"{split}.csv"
    if table.is_file():
        return _read_sheets(table)
    for root in (folder / split, folder / "images" / split):
        if root.is_dir():
            return _read_folders(root)
    raise DataError(f"{folder} has no split {split!r}: give a folder with {split}/<emotion>/*.png or with {split}.csv.")


def _read_sheets(table: Path) -> Faces:
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    sheets = {name: _grey(table.parent / name) for name in {row["sheet"] for row in rows}}
    images = np.empty((len(rows), SIDE, SIDE), np.uint8)
    for index, row in enumerate(rows):
        y, x = (SIDE * part for part in divmod(int(row["cell"]), _CELLS))
        images[index] = sheets[row["sheet"]][y : y + SIDE, x : x + SIDE]
    return Faces(
        images,
        np.array([_emotion(row["emotion"], table) for row in rows], np.int64),
        _columns(rows, [f"votes_{VOTES_OF[emotion]}" for emotion in EMOTIONS]),
        _columns(rows, [f"votes_{name}" for name in OTHER_VOTES]),
        np.array([int(row["duplicate_group"]) for row in rows], np.int64),
        np.array([int(row["near_duplicate_group"]) for row in rows], np.int64),
    )


def _columns(rows: Sequence[dict[str, str]], names: Iterable[str]) -> NDArray[np.float32]:
    return np.array([[float(row[name]) for name in names] for row in rows], np.float32)


def _emotion(name: str, where: Path) -> int:
    if name not in EMOTIONS:
        raise DataError(f"{where}: {name!r} is not one of {', '.join(EMOTIONS)}.")
    return EMOTIONS.index(name)


def _read_folders(root: Path) -> Faces:
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        label = _emotion(folder.name, root)
        for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES):
            images.append(_grey(path, SIDE))
            labels.append(label)
    if not images:
        raise DataError(f"{root} holds no pictures: put them into one folder for each emotion.")
    nobody = np.full(len(images), -1, np.int64)
    return Faces(
        np.stack(images),
        np.array(labels, np.int64),
        np.zeros((len(images), len(EMOTIONS)), np.float32),
        np.zeros((len(images), len(OTHER_VOTES)), np.float32),
        nobody,
        nobody,
    )


def _grey(path: Path, side: int | None = None) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise DataError(f"{path} is missing or is no picture; take it out, or put it back.")
    if side is not None and image.shape != (side, side):
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(image, np.uint8)
