"""`moodline data summary`: what a data set holds, before hours are spent on it."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from rich import box
from rich.console import Console
from rich.table import Table

from moodline.emotions import EMOTIONS, Emotion
from trainer.data.copies import grouped, surplus
from trainer.data.faces import Faces
from trainer.data.findings import Kind, sentences
from trainer.data.sets import DataSet, Split


class SplitSummary(BaseModel):
    """One split."""

    faces: int
    labels: dict[Emotion, int] = Field(description="faces of each emotion, by the data's own labels")
    majority: dict[Emotion, int] | None = Field(description="by what most raters saw; null without FER+ votes")
    no_majority: int | None = Field(description="faces that most raters gave no emotion")
    exact_copies: int = Field(description="faces that are byte for byte another face of the split")
    near_copies: int = Field(description="faces that show the same photograph as another one, exact copies too")
    findings: dict[Kind, int]
    examples: dict[Kind, list[str]]


class Crossing(BaseModel):
    """Copies of one split's faces in another split."""

    splits: tuple[str, str]
    exact: int = Field(description="faces of the second split with an exact copy in the first")
    near: int = Field(description="with a near copy, exact ones too")


class Summary(BaseModel):
    """What a data set holds."""

    path: Path
    layout: str
    splits: dict[str, SplitSummary]
    crossings: list[Crossing]


def summarise(data: DataSet) -> Summary:
    """Read all splits and look for copies in them. Raises DataError."""
    splits = [data.look(name) for name in data.readers]
    faces = [split.faces for split in splits]
    if not all(one.has_groups for one in faces):
        faces = list(grouped(*faces))
    found = {split.name: one for split, one in zip(splits, faces, strict=True)}
    return Summary(
        path=data.path,
        layout=data.layout,
        splits={split.name: _split(split, found[split.name]) for split in splits},
        crossings=[_crossing(one, other, found) for one, other in combinations(found, 2)],
    )


def _split(split: Split, faces: Faces) -> SplitSummary:
    majority = faces.majority() if faces.has_votes else None
    return SplitSummary(
        faces=len(faces),
        labels=_counts(faces.labels),
        majority=None if majority is None else _counts(majority),
        no_majority=None if majority is None else int((majority < 0).sum()),
        exact_copies=surplus([faces.group]),
        near_copies=surplus([faces.near_group]),
        findings=dict(split.findings.counts),
        examples=split.findings.examples,
    )


def _counts(labels: NDArray[np.int64]) -> dict[Emotion, int]:
    counts = Counter(labels.tolist())
    return {emotion: counts[index] for index, emotion in enumerate(EMOTIONS)}


def _crossing(one: str, other: str, found: dict[str, Faces]) -> Crossing:
    first, second = found[one], found[other]
    return Crossing(
        splits=(one, other),
        exact=int(np.isin(second.group, first.group).sum()),
        near=int(np.isin(second.near_group, first.near_group).sum()),
    )


def show(summary: Summary, console: Console) -> None:
    """Print a summary for people."""
    console.print(f"{summary.path}: {summary.layout}", highlight=False, soft_wrap=True)
    table = Table("emotion", box=box.SIMPLE_HEAD, pad_edge=False)
    columns = [_column(name, split) for name, split in summary.splits.items()]
    for titles, _ in columns:
        for title in titles:
            table.add_column(title, justify="right")
    for row, title in enumerate([*EMOTIONS, "no majority", "faces", "exact copies", "near copies"]):
        cells = [cell for _, rows in columns for cell in rows[row]]
        if any(cells):
            table.add_row(title, *cells)
    console.print(table)
    for line in _notes(summary):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _notes(summary: Summary) -> Iterator[str]:
    for crossing in summary.crossings:
        one, other = crossing.splits
        if crossing.near:
            both = crossing.splits == ("train", "validation")
            left_out = "; training leaves their likes out, unless near_copies is set in its recipe" if both else ""
            yield f"{crossing.near:,} faces of {other} have a near copy in {one}, {crossing.exact:,} exact{left_out}."
    for name, split in summary.splits.items():
        for sentence in sentences(split.findings, split.examples):
            yield f"{name}: {sentence}"


def _column(name: str, split: SplitSummary) -> tuple[list[str], list[list[str]]]:
    """Titles and cells of a split: its own labels, and the raters' majority where it is known."""
    voted = split.majority
    rows = [[f"{split.labels[emotion]:,}", *([f"{voted[emotion]:,}"] if voted else [])] for emotion in EMOTIONS]
    blank = [""] if voted else []
    rows.append(["", *([f"{split.no_majority:,}"] if voted else [])])
    rows += [[f"{count:,}", *blank] for count in (split.faces, split.exact_copies, split.near_copies)]
    return [name, *([f"{name}, FER+"] if voted else [])], rows
