"""What `moodline evaluate` says of a model: on both kinds of labels, with and without copies of training faces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from rich import box
from rich.console import Console
from rich.table import Table

from moodline.emotions import EMOTIONS, Emotion
from moodline.manifest import Scores
from trainer.data import DataError, Faces, grouped
from trainer.evaluate import score
from trainer.labels import away_from
from trainer.metrics import confusion, precisions, restricted

OWN, VOTED = "own labels", "FER+ majority"


class Measured(Scores):
    """Scores on one kind of labels and one choice of faces."""

    labels: str
    near_copies_left_out: bool
    precision: dict[Emotion, float] = Field(description="only emotions that were ever answered")


class Scoreboard(BaseModel):
    """All that was measured of a model on one split."""

    model: str
    data: str
    split: str
    emotions: tuple[Emotion, ...]
    mirrored_copy: bool
    near_copies: int | None = Field(description="faces with a near copy among the training faces; null: not known")
    scores: list[Measured]


@dataclass(frozen=True)
class Asked:
    """What is to be scored."""

    model: str
    data: str
    split: str
    emotions: tuple[Emotion, ...] = EMOTIONS
    mirrored: bool = False


def away_from_training(faces: Faces, train: Faces, *, same_data: bool) -> NDArray[np.bool_]:
    """Mask (N,) of the faces that have no near copy among training faces.

    The groups that the data brings count only within one data set; else copies are looked for.
    """
    if not (same_data and faces.has_groups and train.has_groups):
        faces, train = grouped(faces, train)
    return away_from(faces, train)


def scoreboard(asked: Asked, found: NDArray[np.floating], faces: Faces, away: NDArray[np.bool_] | None) -> Scoreboard:
    """Score probabilities (N, 7) of faces; `away` masks those without a near copy among the training faces."""
    everything = np.ones(len(faces), np.bool_)
    choices = [(everything, False)] if away is None else [(everything, False), (away, True)]
    kinds = {OWN: faces.labels, VOTED: faces.majority()}
    scores = [
        _measured(found[chosen], labels[chosen], asked.emotions, name, left_out)
        for name, labels in kinds.items()
        for chosen, left_out in choices
        if _has_faces(labels[chosen], asked.emotions)
    ]
    copies = None if away is None else int((~away).sum())
    return Scoreboard(
        model=asked.model,
        data=asked.data,
        split=asked.split,
        emotions=asked.emotions,
        mirrored_copy=asked.mirrored,
        near_copies=copies,
        scores=scores,
    )


def refuse_none(faces: Faces, kept: Sequence[Emotion]) -> None:
    """Raise DataError where no face is of an emotion that is to be scored."""
    if not any(_has_faces(labels, kept) for labels in (faces.labels, faces.majority())):
        raise DataError(f"None of the {len(faces)} faces shows one of {', '.join(kept)}: name other emotions.")


def _has_faces(labels: NDArray[np.int64], kept: Sequence[Emotion]) -> bool:
    return bool(np.isin(labels, [EMOTIONS.index(emotion) for emotion in kept]).any())


def _measured(
    found: NDArray[np.floating], labels: NDArray[np.int64], kept: Sequence[Emotion], name: str, left_out: bool
) -> Measured:
    indices = [EMOTIONS.index(emotion) for emotion in kept]
    chosen = np.isin(labels, indices)
    precision = precisions(confusion(restricted(found[chosen], indices), labels[chosen]))
    return Measured(
        **score(found, labels, kept).model_dump(),
        labels=name,
        near_copies_left_out=left_out,
        precision={EMOTIONS[i]: round(float(precision[i]), 4) for i in indices if not np.isnan(precision[i])},
    )


def show(board: Scoreboard, console: Console) -> None:
    """Print a scoreboard for people."""
    mirrored = ", with a mirrored copy" if board.mirrored_copy else ""
    console.print(f"{board.model} on {board.data}, {board.split}{mirrored}", highlight=False, soft_wrap=True)
    if board.near_copies is not None:
        console.print(f"{board.near_copies} faces have a near copy in train.", highlight=False)
    console.print(_overall(board))
    console.print(_by_emotion(board))


def _overall(board: Scoreboard) -> Table:
    table = Table("labels", "near copies", box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("faces", "accuracy", "macro-F1", "ECE"):
        table.add_column(title, justify="right")
    for one in board.scores:
        cells = (f"{one.faces:,}", f"{one.accuracy:.1%}", f"{one.macro_f1:.3f}", f"{one.ece:.3f}")
        table.add_row(one.labels, "left out" if one.near_copies_left_out else "all faces", *cells)
    return table


def _by_emotion(board: Scoreboard) -> Table:
    """Recall and precision of each emotion, on all faces."""
    table = Table("emotion", box=box.SIMPLE_HEAD, pad_edge=False)
    shown = [one for one in board.scores if not one.near_copies_left_out]
    for one in shown:
        table.add_column(f"recall, {one.labels}", justify="right")
        table.add_column("precision", justify="right")
    for emotion in board.emotions:
        table.add_row(emotion, *(cell for one in shown for cell in _shares(one, emotion)))
    return table


def _shares(one: Measured, emotion: Emotion) -> Iterator[str]:
    for shares in (one.recall, one.precision):
        yield f"{shares[emotion]:.1%}" if emotion in shares else "-"
