"""Faces packed into sheets, 32 in a row, with a table that says what is in which cell."""

import csv
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from trainer.data.faces import OTHER_VOTES, SIDE, VOTES_OF, DataError, Faces, refuse_wrong_votes
from trainer.data.pictures import decode
from trainer.data.tree import READ_ERRORS, Tree, join

_CELLS = 32  # faces in a row of a sheet


def read_sheets(tree: Tree, folder: str, table: str) -> Faces:
    """The faces of a table of sheets. It is machine-made: DataError for anything that is not right in it."""
    where = f"{tree.name}: {table}"
    try:
        rows = list(csv.DictReader(io.StringIO(_content(tree, join(folder, table)).decode())))
        sheets = {name: _sheet(tree, join(folder, name)) for name in {row["sheet"] for row in rows}}
        votes = _columns(rows, [f"votes_{name}" for name in (*VOTES_OF.values(), *OTHER_VOTES)])
        refuse_wrong_votes(votes, where)
        return Faces(
            _cells(rows, sheets),
            np.array([_label(row["emotion"], where) for row in rows], np.int64),
            votes[:, : len(EMOTIONS)],
            votes[:, len(EMOTIONS) :],
            np.array([int(row["duplicate_group"]) for row in rows], np.int64),
            np.array([int(row["near_duplicate_group"]) for row in rows], np.int64),
        )
    except (*READ_ERRORS, KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(f"{where} is damaged ({error}); make it again.") from error


def _cells(rows: Sequence[dict[str, str]], sheets: dict[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    images = np.empty((len(rows), SIDE, SIDE), np.uint8)
    for index, row in enumerate(rows):
        y, x = (SIDE * part for part in divmod(int(row["cell"]), _CELLS))
        images[index] = sheets[row["sheet"]][y : y + SIDE, x : x + SIDE]
    return images


def _columns(rows: Sequence[dict[str, str]], names: Sequence[str]) -> NDArray[np.float32]:
    votes = [[float(row[name]) for name in names] for row in rows]
    return np.array(votes, np.float32).reshape(len(rows), len(names))


def _label(name: str, where: str) -> int:
    if name not in EMOTIONS:
        raise DataError(f"{where}: {name!r} is not one of {', '.join(EMOTIONS)}.")
    return EMOTIONS.index(name)


def _sheet(tree: Tree, path: str) -> NDArray[np.uint8]:
    try:
        image = decode(_content(tree, path))
    except (*READ_ERRORS, KeyError):
        image = None
    if image is None:
        raise DataError(f"{tree.name}: the sheet {path} is missing or is no picture; put it back.")
    return image


def _content(tree: Tree, path: str) -> bytes:
    with tree.open(path) as file:
        return file.read()
