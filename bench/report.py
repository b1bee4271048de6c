"""Shows results on the terminal, and keeps them in a Markdown document, a section a case."""

import re
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from bench.case import Case, Result, Table

_HEAD = """# Benchmarks

Written by `python -m bench` (`make bench`), which replaces the sections of the cases that it runs. Figures are
medians over repetitions, with the least and the most of them in brackets. Machines differ and are noisy: compare
ratios, whose two sides were measured in turn in one run, rather than figures of different runs.
"""
_SECTION = re.compile(r"<!-- case: (?P<name>[a-z-]+) -->\n.*?(?=<!-- case: |\Z)", re.DOTALL)


def show(console: Console, case: Case, result: Result) -> None:
    """Print a case's tables, bars and notes."""
    for table in result.tables:
        shown = RichTable(*table.columns, title=table.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for column in shown.columns[1:]:
            column.justify = "right"
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
    for line in (*(bar.sentence for bar in result.bars), *result.notes):
        console.print(f"{case.name}: {line}", markup=False, highlight=False, soft_wrap=True)
    console.print()


def section(case: Case, result: Result, machine: Sequence[str]) -> str:
    """Return a case's section of the document."""
    parts = [f"<!-- case: {case.name} -->", f"## {case.title}", "", case.method, ""]
    parts += [f"- {line}" for line in machine]
    for table in result.tables:
        parts += ["", f"**{table.title}**", "", *_markdown(table)]
    for picture in result.pictures:
        parts += ["", f"![{picture.alt}]({picture.file})"]
    if result.bars:
        parts += ["", *(f"- {bar.sentence}" for bar in result.bars)]
    if result.notes:
        parts += ["", *(f"- {note}" for note in result.notes)]
    return "\n".join(parts) + "\n"


def keep(document: Path, sections: dict[str, str], order: Sequence[str]) -> None:
    """Write the sections into the document, in ``order``; those of other cases stay as they are."""
    known = document.read_text("utf-8") if document.exists() else ""
    kept = {match["name"]: match[0].rstrip("\n") + "\n" for match in _SECTION.finditer(known)}
    kept |= sections
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text("\n".join([_HEAD, *(kept[name] for name in order if name in kept)]), "utf-8")


def keep_pictures(document: Path, result: Result) -> None:
    """Write a case's plots beside the document."""
    for picture in result.pictures:
        document.with_name(picture.file).write_text(picture.svg, "utf-8")


def _markdown(table: Table) -> list[str]:
    rule = ["---", *("---:" for _ in table.columns[1:])]
    return [_row(table.columns), _row(rule), *(_row(row) for row in table.rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
