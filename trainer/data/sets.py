"""Finds out how a data set is laid out, which splits it has, and reads them."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from trainer.data.copies import grouped
from trainer.data.faces import DataError, Faces, NoDataError, emotion_index
from trainer.data.findings import Findings
from trainer.data.pictures import pictures_in, read_pictures
from trainer.data.sheets import read_sheets
from trainer.data.table import VOTES_FILE, is_pixel_table, read_table, usages
from trainer.data.tree import Folder, Tree, Zip, join

log = logging.getLogger(__name__)

# What a split is called in folders and in fer2013.csv.
_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "publictest"),
    "test": ("test", "testing", "privatetest"),
}
WHOLE = "all"  # the one split of a folder that has emotions at its top
_DEEPEST = 3
_HELD_OUT = 10  # a tenth

Read = Callable[[Findings], Faces]


@dataclass(frozen=True)
class Split:
    """The faces of one split, and what was found on the way."""

    name: str
    faces: Faces
    findings: Findings


@dataclass
class DataSet:
    """A data set that was looked at but not read."""

    path: Path
    layout: str
    readers: dict[str, Read] = field(default_factory=dict)

    def read(self, name: str) -> Split:
        """Read a split. Raises DataError, in one sentence, where there is none or it cannot be used."""
        split = self.look(name)
        split.findings.refuse_ruins(len(split.faces))
        return split

    def look(self, name: str) -> Split:
        """Read a split, however little of it can be used. Raises DataError where there is none."""
        if name not in self.readers:
            known = ", ".join(self.readers)
            raise DataError(f"{self.path} has no split {name!r}, only {known}: name one of those, or add it.")
        findings = Findings(f"{self.path}, {name}")
        return Split(name, self.readers[name](findings), findings)


def open_data(path: Path) -> DataSet:
    """Look at a folder, a zip or a CSV file. Raises DataError where it holds no faces that moodline can read."""
    try:
        path.stat()
    except FileNotFoundError as error:
        raise NoDataError(f"{path} is not there: name a folder, a zip or fer2013.csv.") from error
    except OSError as error:
        raise NoDataError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from error
    if path.is_dir():
        tree: Tree = Folder(path)
    elif path.suffix.lower() == ".csv" and path.is_file():
        return _table_set(path, Folder(path.parent), "", path.name)
    elif path.is_file():
        tree = Zip(path)
    else:
        raise NoDataError(f"{path} is neither a folder nor a file: name a folder, a zip or fer2013.csv.")
    found = next((one for one in map(partial(_look, path, tree), _places(tree)) if one is not None), None)
    if found is None:
        raise DataError(
            f"{path} has no split 'train' or any other: give a folder or zip with train/<emotion>/*.png or fer2013.csv."
        )
    return found


def read_split(path: Path, split: str) -> Faces:
    """Read one split (`train`, `validation`, `test`) and log what is not as it should be. Raises DataError."""
    read = open_data(path).read(split)
    read.findings.warn()
    return read.faces


def read_training(path: Path) -> tuple[Faces, Faces]:
    """The faces to train on and to validate with, copies known in both.

    Where there is no `validation`, a tenth of `train` is held out for it; `test` is not touched. Raises DataError.
    """
    data = open_data(path)
    train = _read_and_warn(data, "train")
    if "validation" in data.readers:
        validation = _read_and_warn(data, "validation")
    else:
        log.warning("%s has no validation split: a tenth of train is held out for it.", path)
        train, validation = _held_out(train)
    if train.has_groups and validation.has_groups:
        return train, validation
    log.info("Looking for copies among %d faces.", len(train) + len(validation))
    train, validation = grouped(train, validation)
    return train, validation


def _read_and_warn(data: DataSet, name: str) -> Faces:
    split = data.read(name)
    split.findings.warn()
    return split.faces


def _held_out(faces: Faces) -> tuple[Faces, Faces]:
    """All but a tenth, and the tenth: whole groups of copies, the same ones each time."""
    if not faces.has_groups:
        (faces,) = grouped(faces)
    number = np.unique(faces.near_group, return_inverse=True)[1]
    chosen = np.random.default_rng(0).permutation(number.max() + 1)[number] % _HELD_OUT == 0
    if chosen.all():
        raise DataError(
            f"All {len(faces)} faces of train show one picture, so that none of them can be held out for validation: "
            "add other faces."
        )
    return faces.where(~chosen), faces.where(chosen)


def _places(tree: Tree) -> Iterator[str]:
    """Folders where a data set may begin, the top first: downloads come inside one or two folders."""
    places = [""]
    for _ in range(_DEEPEST):
        yield from places
        # Not into emotions, which may hold tens of thousands of files.
        places = [join(place, name) for place in places for name in tree.folders(place) if emotion_index(name) is None]


def _look(path: Path, tree: Tree, place: str) -> DataSet | None:
    """The data set that begins at a place of a tree, None where there is none."""
    files, folders = tree.files(place), tree.folders(place)
    sheets = {split: name for split in _NAMES for name in files if name == f"{split}.csv"}
    tables = [name for name in files if name.lower().endswith(".csv") and is_pixel_table(tree, join(place, name))]
    if sheets and not tables:
        readers: dict[str, Read] = {split: partial(_sheets, tree, place, name) for split, name in sheets.items()}
        return DataSet(path, "sheets", readers)
    if tables:
        return _table_set(path, tree, place, _best(tables))
    pictured = {name: join(place, name) for name in folders if any(map(_is_emotion, tree.folders(join(place, name))))}
    if pictured:
        named = {_split_name(name): partial(read_pictures, tree, inside) for name, inside in pictured.items()}
        return DataSet(path, "folders", {name: named[name] for name in sorted(named, key=_order)})
    if sum(map(_is_emotion, folders)) > 1 or _is_one_emotion(tree, place, folders):
        return DataSet(path, "folders", {WHOLE: partial(read_pictures, tree, place)})
    return None


def _is_one_emotion(tree: Tree, place: str, folders: list[str]) -> bool:
    """Whether pictures of one emotion are all there is; a folder with folders may hold more, further down."""
    inside = [join(place, name) for name in folders]
    emotions = [path for name, path in zip(folders, inside, strict=True) if _is_emotion(name)]
    return any(pictures_in(tree, path) for path in emotions) and not any(map(tree.folders, inside))


def _sheets(tree: Tree, place: str, table: str, findings: Findings) -> Faces:
    del findings  # a table of sheets is right or refused
    return read_sheets(tree, place, table)


def _table_set(path: Path, tree: Tree, place: str, table: str) -> DataSet:
    if not is_pixel_table(tree, join(place, table)):
        raise DataError(f"{path} has no column `pixels`: give fer2013.csv, or the folder of the data set.")
    votes = join(place, VOTES_FILE) if VOTES_FILE in tree.files(place) else None
    data = DataSet(path, "table with FER+ votes" if votes else "table")
    for usage in usages(tree, join(place, table)):
        data.readers[_split_name(usage)] = partial(_rows_of, tree, join(place, table), usage, votes)
    if not data.readers:
        raise DataError(
            f"{path}: no row of {join(place, table)} says by its `Usage` to which split it belongs; add it."
        )
    return replace(data, readers={name: data.readers[name] for name in sorted(data.readers, key=_order)})


def _rows_of(tree: Tree, table: str, usage: str, votes: str | None, findings: Findings) -> Faces:
    return read_table(tree, table, usage, votes, findings)


def _best(tables: list[str]) -> str:
    """The table to read where there are several: the challenge's zip has the faces three times."""
    for name in ("fer2013.csv", "icml_face_data.csv", "train.csv"):
        if name in tables:
            return name
    return tables[0]


def _is_emotion(name: str) -> bool:
    return emotion_index(name) is not None


def _split_name(name: str) -> str:
    plain = name.strip().lower()
    return next((split for split, names in _NAMES.items() if plain in names), name)


def _order(name: str) -> tuple[int, str]:
    return (list(_NAMES).index(name) if name in _NAMES else len(_NAMES), name)
