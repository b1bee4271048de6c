"""Repeated measurements: median and spread, and ratios between two sides that were measured in turn."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True, slots=True)
class Samples:
    """One figure a repetition, in the order of the repetitions; at least one."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the samples. Raises ValueError where there are none."""
        samples = cls(tuple(values))
        if not samples.values:
            raise ValueError("nothing was measured")
        return samples

    @property
    def median(self) -> float:
        """The middle figure."""
        return statistics.median(self.values)

    def over(self, other: "Samples") -> "Samples":
        """Return the ratio of each repetition: a machine that slows down slows both sides of it."""
        return Samples(tuple(mine / theirs for mine, theirs in zip(self.values, other.values, strict=True)))

    def text(self) -> str:
        """Return ``median (least-most)``, or the one figure there is."""
        if len(self.values) == 1:
            return number(self.median)
        return f"{number(self.median)} ({number(min(self.values))}-{number(max(self.values))})"


def number(value: float) -> str:
    """Return a figure with three digits that mean something: ``12.3``, ``1,230``."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percentiles(values: Iterable[float], *wanted: float) -> list[float]:
    """Return the percentiles (0 to 100) of values."""
    return [float(value) for value in np.percentile(np.fromiter(values, float), wanted)]
