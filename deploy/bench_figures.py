"""Reads figures from docs/benchmarks.md, which `make bench` writes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SECTION = r"<!-- case: {} -->\n(.*?)(?=<!-- case: |\Z)"
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_CORES = re.compile(r"\b(\d+) cores\b")
_MEASURED = re.compile(r"^- (\d{4}-\d\d-\d\d)", re.MULTILINE)


class BenchError(Exception):
    """The document has a case's section, but not what is looked for in it. The message is one sentence."""


@dataclass(frozen=True)
class Figure:
    """A figure of the benchmark and the day on which it was measured."""

    value: float
    day: str


def figure(document: Path, asked: Mapping[str, Any]) -> Figure | None:
    """Return what ``asked`` describes: case, column, rows (pattern), pick, times, per (columns that divide), per_core.

    None where the document has no section of that case. Raises BenchError.
    """
    text = document.read_text(encoding="utf-8") if document.exists() else ""
    case = str(asked["case"])
    section = re.search(_SECTION.format(re.escape(case)), text, re.DOTALL)
    if section is None:
        return None
    rows = re.compile(str(asked.get("rows", "")))
    values = _column(section[1], str(asked["column"]), rows)
    for name in asked.get("per", ()):
        values = _quotients(values, _column(section[1], name, rows))
    if not values:
        raise BenchError(
            f"{document.name} has the section of the case {case}, but no figure in a column {asked['column']!r} there; "
            "correct [from_bench] in deploy/scale.toml."
        )
    value = (min if asked["pick"] == "min" else max)(values) * float(asked.get("times", 1))
    if asked.get("per_core"):
        cores = _CORES.search(section[1])
        if cores is None:
            raise BenchError(
                f"{document.name} does not say in the section of the case {case} how many cores there were."
            )
        value /= int(cores[1])
    day = _MEASURED.search(section[1])
    return Figure(value, day[1] if day else "an unknown day")


def _quotients(values: Sequence[float], shares: Sequence[float]) -> list[float]:
    """Divide row by row; without a divisor for each there is no figure."""
    return [value / share for value, share in zip(values, shares, strict=True)] if len(values) == len(shares) else []


def _column(section: str, name: str, rows: re.Pattern[str]) -> list[float]:
    """Return the figures of a column in all tables of a section, of the rows whose first cell matches."""
    found: list[float] = []
    column: int | None = None
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            column = None
        elif name in cells:
            column = cells.index(name)
        elif column is not None and column < len(cells) and rows.search(cells[0]):
            number = _NUMBER.match(cells[column])
            found += [float(number[0].replace(",", ""))] if number else []
    return found
