"""`fer2013.csv` and its like: a line a face, the pixels as numbers, FER+ votes by the row's number."""

import csv
import io
import math
import warnings
from collections.abc import Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from trainer.data.faces import OTHER_VOTES, SIDE, VOTES_OF, DataError, Faces, refuse_wrong_votes
from trainer.data.findings import Findings
from trainer.data.pictures import fitted
from trainer.data.tree import READ_ERRORS, Tree

VOTES_FILE = "fer2013new.csv"
# FER2013 numbers its emotions thus.
_NUMBERED = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
_MOST_SIDE = 512

Rows = Iterator[dict[str, str]]


def is_pixel_table(tree: Tree, path: str) -> bool:
    """Whether a CSV file has a column of pixels."""
    return "pixels" in _header(tree, path)


def usages(tree: Tree, path: str) -> list[str]:
    """The values of the column Usage, in order of their first row; `Training` alone where there is none."""
    if "usage" not in _header(tree, path):
        return ["Training"]
    found = dict.fromkeys(row.get("usage", "").strip() for row in _rows(tree, path))
    return [usage for usage in found if usage]


def read_table(tree: Tree, path: str, usage: str, votes: str | None, findings: Findings) -> Faces:
    """The faces of one usage; `votes` is the path of a file of FER+ votes with a row a row, if there is one."""
    all_votes = _read_votes(tree, votes) if votes else None
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    numbers: list[int] = []
    count = 0
    alone = "usage" not in _header(tree, path)
    for number, row in enumerate(_rows(tree, path)):
        count = number + 1
        where = f"{path}:{number + 2}"
        belongs = usage if alone else row.get("usage", "").strip()
        if belongs != usage:
            findings.add("wrong row", f"{where} (usage)", count=int(not belongs))
            continue
        face = _face(row, where, findings)
        if face is not None:
            images.append(face[0])
            labels.append(face[1])
            numbers.append(number)
    if all_votes is not None and len(all_votes) != count:
        raise DataError(
            f"{tree.name}: {votes} has {len(all_votes)} rows and {path} has {count}, so nobody can tell which votes "
            "are whose; take the votes away, or take the pair that belongs together."
        )
    for emotion in (name for index, name in enumerate(EMOTIONS) if index not in labels):
        findings.add("missing emotion", emotion)
    return Faces.of(images, labels, None if all_votes is None else all_votes[numbers])


def _face(row: dict[str, str], where: str, findings: Findings) -> tuple[NDArray[np.uint8], int] | None:
    """A row's face and label; None, and a finding, for a row that is wrong."""
    label, pixels = _label(row.get("emotion", "")), _pixels(row.get("pixels") or "")
    if label is None or pixels is None:
        findings.add("wrong row", f"{where} ({'emotion' if label is None else 'pixels'})")
        return None
    if pixels.shape != (SIDE, SIDE):
        findings.add("other size", f"{where} ({pixels.shape[1]}x{pixels.shape[0]})")
    return fitted(pixels), label


def _label(text: str) -> int | None:
    text = text.strip()
    number = int(text) if text.isdecimal() and len(text) < 4 else -1
    return EMOTIONS.index(_NUMBERED[number]) if 0 <= number < len(_NUMBERED) else None


def _pixels(text: str) -> NDArray[np.uint8] | None:
    """Grey values of a square picture, None for anything else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy warns of what is no number, and stops there
            values = np.fromstring(text, np.int32, sep=" ")  # five times faster than splitting
    except (ValueError, DeprecationWarning):
        return None
    side = math.isqrt(len(values))
    if side * side != len(values) or not 1 < side <= _MOST_SIDE or values.min() < 0 or values.max() > 255:
        return None
    return values.astype(np.uint8).reshape(side, side)


def _read_votes(tree: Tree, path: str) -> NDArray[np.float32]:
    """FER+ votes (N, 10), the seven emotions' first."""
    names = [*VOTES_OF.values(), *OTHER_VOTES]
    try:
        votes = np.array([[float(row[name]) for name in names] for row in _rows(tree, path)], np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{tree.name}: {path} is no table of FER+ votes ({error}); take it away.") from error
    refuse_wrong_votes(votes, f"{tree.name}: {path}")
    return votes


def _header(tree: Tree, path: str) -> list[str]:
    try:
        with tree.open(path) as file:
            line = file.readline(1 << 16).decode("utf-8-sig", "replace")
    except READ_ERRORS as error:
        raise DataError(f"{tree.name}: {path} cannot be read ({error}); mend it or take it away.") from error
    return [name.strip().lower() for name in line.split(",")]


def _rows(tree: Tree, path: str) -> Rows:
    """The rows with their columns' names plain: `icml_face_data.csv` calls one " Usage"."""
    try:
        with tree.open(path) as file:
            yield from _plain(file)
    except (*READ_ERRORS, csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{tree.name}: {path} cannot be read ({error}); mend it or take it away.") from error


def _plain(file: IO[bytes]) -> Rows:
    lines = csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""))
    names = [name.strip().lower() for name in next(lines, [])]
    for line in lines:
        if line:
            yield dict(zip(names, line, strict=False))
