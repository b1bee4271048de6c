"""What came of a plan's variants: Markdown for the docs, CSV for programs."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moodline.manifest import Scores
from trainer.ablation.answers import Answers
from trainer.ablation.plan import Plan
from trainer.data import Faces
from trainer.evaluate import score
from trainer.labels import FOUR

_KINDS = {"fer2013": "FER2013's own labels", "ferplus": "FER+ majority"}
_TITLES = ("variant", "seven", "against the first", "mirrored", "four", "mirrored", "F1", "sad", "angry", "ECE")
_HOW = """\
In percent on `validation`. *Against the first* is in points, with the interval of 95 % that pairs of answers on the
same faces give; another seed would differ, too. *Mirrored* is the mean over each face and its mirror image; F1,
recalls and ECE are without it."""
_SURE = 1.96  # standard errors of an interval of 95 %


@dataclass(frozen=True)
class Row:
    """One variant on one kind of labels."""

    title: str
    plain: tuple[Scores, Scores]
    mirrored: tuple[Scores, Scores]
    gain: float
    spread: float
    answers: Answers


def all_rows(plan: Plan, found: Mapping[str, Answers], validation: Faces) -> dict[str, list[Row]]:
    """The rows of each kind of labels that the faces have."""
    kinds = _KINDS if validation.has_votes else ("fer2013",)
    return {kind: rows_of(plan, found, validation, kind) for kind in kinds}


def rows_of(plan: Plan, found: Mapping[str, Answers], validation: Faces, kind: str) -> list[Row]:
    """The variants on one kind of labels (`fer2013`, `ferplus`), in order; behind them the shifts of the first."""
    labels = validation.labels if kind == "fer2013" else validation.majority()
    titled = [(one.title or one.name, found[one.name], 0.0) for one in plan.variants]
    first = titled[0][1]
    titled += [(f"{titled[0][0]}, prior_shift {strength:g}", first, strength) for strength in plan.prior_shifts]
    rows: list[Row] = []
    base: NDArray[np.bool_] | None = None
    for title, answers, shift in titled:
        both = [answers.probabilities(kind, validation, mirrored=mirrored, shift=shift) for mirrored in (False, True)]
        right = (both[0].argmax(axis=1) == labels)[labels >= 0]
        base = right if base is None else base
        gain, spread = paired_difference(right, base)
        plain, mirrored = ((score(one, labels), score(one, labels, FOUR)) for one in both)
        rows.append(Row(title, plain, mirrored, gain, spread, answers))
    return rows


def paired_difference(right: NDArray[np.bool_], base: NDArray[np.bool_]) -> tuple[float, float]:
    """By how much more often answers are right than the base's on the same faces (N,), and half its 95 % interval."""
    difference = right.astype(np.float64) - base
    return float(difference.mean()), float(_SURE * difference.std() / np.sqrt(len(difference)))


def markdown(plan: Plan, rows: Mapping[str, list[Row]], made_on: str) -> str:
    """A table for each kind of labels, and what they were measured on."""
    share = f"{plan.share:.0%} of the training faces, seed {plan.seed}"
    parts = [
        f"{plan.title} Recipe `{plan.recipe}` with the changes of the plan `{plan.name}`, {share}; {made_on}.",
        _HOW,
    ]
    for kind, of_kind in rows.items():
        cells = [_cells(row, number) for number, row in enumerate(of_kind)]
        parts.append(f"On {_KINDS[kind]}:\n\n{grid(_TITLES, cells)}")
    trained = rows["fer2013"][: len(plan.variants)]
    spent = [(row.title, row.answers) for row in trained]
    cost = [[title, f"{one.faces:,}", f"{one.steps:,}", f"{one.seconds / 60:.0f}"] for title, one in spent]
    parts.append("What they cost:\n\n" + grid(("variant", "faces", "steps", "minutes"), cost))
    return "\n\n".join(parts)


def grid(titles: tuple[str, ...], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    lines = [f"| {' | '.join(titles)} |", "|---" + "|--:" * (len(titles) - 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def write_csv(path: Path, rows: Mapping[str, list[Row]]) -> None:
    """Write all numbers, a line for each variant and kind of labels; shares of 1."""
    lines = [line for kind, of_kind in rows.items() for row in of_kind for line in _lines(row, kind)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def _cells(row: Row, number: int) -> list[str]:
    seven, four = row.plain
    recall = [f"{seven.recall[one] * 100:.0f}" if one in seven.recall else "-" for one in ("sad", "angry")]
    against = f"{row.gain * 100:+.1f} ± {row.spread * 100:.1f}" if number else ""
    shares = [seven.accuracy, row.mirrored[0].accuracy, four.accuracy, row.mirrored[1].accuracy]
    percent = [f"{share * 100:.1f}" for share in shares]
    return [row.title, percent[0], against, *percent[1:], f"{seven.macro_f1:.3f}", *recall, f"{seven.ece:.3f}"]


def _lines(row: Row, kind: str) -> Iterator[dict[str, object]]:
    for mirrored, (seven, four) in ((False, row.plain), (True, row.mirrored)):
        yield {
            "variant": row.title, "labels": kind, "mirrored": mirrored, "seven": seven.accuracy, "four": four.accuracy,
            "macro_f1": seven.macro_f1, "ece": seven.ece, "sad": seven.recall.get("sad"),
            "angry": seven.recall.get("angry"), "gain": "" if mirrored else round(row.gain, 5),
            "interval": "" if mirrored else round(row.spread, 5), "faces": row.answers.faces,
            "steps": row.answers.steps, "seconds": round(row.answers.seconds),
        }  # fmt: skip
