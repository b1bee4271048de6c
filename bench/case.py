"""What a benchmark case is. A module of ``bench.cases`` with a ``CASE`` is all that a new one needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from moodline.errors import MoodlineError

CHECKOUT: Final = Path(__file__).resolve().parents[1]
SHARED: Final = CHECKOUT.parent / "shared"
"""Clips and models that are not ours to commit lie beside the checkout."""


class NotMeasurableError(MoodlineError):
    """Something that a case needs is not on this machine; the sentence names it."""


@dataclass(frozen=True, slots=True)
class Table:
    """Figures, ready to be shown; the first column names its row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot: ``svg`` is kept as ``file`` beside the document, ``alt`` says what it shows."""

    file: str
    alt: str
    svg: str


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure should reach, and whether it did."""

    wanted: str
    measured: str
    met: bool

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        return f"{'met' if self.met else 'MISSED'}: {self.wanted}; measured {self.measured}"


@dataclass(frozen=True, slots=True)
class Result:
    """What a case found. ``notes`` say what the figures do not."""

    tables: Sequence[Table]
    bars: Sequence[Bar] = ()
    notes: Sequence[str] = ()
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """How to measure. ``say`` shows progress."""

    repetitions: int
    quick: bool = False
    shared: Path = SHARED
    say: Callable[[str], None] = field(default=lambda _line: None)

    def require(self, path: str) -> Path:
        """Return a file of the shared folder. Raises NotMeasurableError where it is missing."""
        found = self.shared / path
        if not found.exists():
            raise NotMeasurableError(
                f"{found} is missing: put the shared data beside the checkout, or name its folder with --shared."
            )
        return found


@dataclass(frozen=True, slots=True)
class Case:
    """One benchmark: ``run`` measures, ``method`` tells a reader how."""

    name: str
    order: int
    title: str
    method: str
    run: Callable[[Context], Result]
