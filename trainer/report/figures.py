"""The figures of a report, as SVG."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from trainer.report.gather import Gathered, Head

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, GRID = "#24292f", "#6e7781", "#e4e7eb"
BLUE, ORANGE, GREEN = "#2f6fde", "#e07a1f", "#1f9d77"
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",  # the page's own font, and text that can be searched
    "svg.hashsalt": "moodline",  # the same run gives the same file
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
_BINS = 15


def frequencies(found: Gathered) -> str:
    """How many faces of each emotion there are in both splits."""
    from matplotlib import rc_context

    with rc_context(_STYLE):
        figure, axes = _axes(7.2, 3.0)
        places = np.arange(len(EMOTIONS))
        parts = (("train", found.train_counts, BLUE), ("validation", found.validation_counts, ORANGE))
        for offset, (name, counts, colour) in zip((-0.2, 0.2), parts, strict=True):
            bars = axes.bar(places + offset, counts, 0.38, label=f"{name} ({counts.sum():,})", color=colour)
            axes.bar_label(bars, [f"{count:,}" for count in counts], fontsize=7.5, color=FAINT, padding=2)
        axes.set_xticks(places, EMOTIONS)
        axes.set_ylabel("faces")
        axes.grid(visible=False, axis="x")
        axes.legend()
        return _svg(figure)


def curves(found: Gathered, kind: str) -> str:
    """Training against validation over the epochs; `kind` is `accuracy` or `loss`."""
    from matplotlib import rc_context
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    lines = {"train": [record.get(kind, np.nan) for record in found.history]} | _validation(found.history, kind)
    epochs = [record["epoch"] for record in found.history]
    with rc_context(_STYLE):
        figure, axes = _axes(4.8, 3.2)
        for (name, values), colour in zip(lines.items(), (BLUE, ORANGE, GREEN), strict=False):
            axes.plot(epochs, values, label=name, color=colour, linewidth=2, marker="o", markersize=3)
        axes.set_xlabel("epoch")
        axes.set_ylabel(kind)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if kind == "accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend()
        return _svg(figure)


def _validation(history: Sequence[Mapping[str, float]], kind: str) -> dict[str, list[float]]:
    """The lines of validation: its loss, or the accuracy of each head."""
    wanted = {"loss": ("validation_loss",), "accuracy": ("validation", "validation_ferplus", "validation_fer2013")}
    there = [key for key in wanted[kind] if any(key in record for record in history)]
    names = {"validation_ferplus": "validation, FER+", "validation_fer2013": "validation, FER2013"}
    return {names.get(key, "validation"): [record.get(key, np.nan) for record in history] for key in there}


def reliability(head: Head) -> str:
    """How often an answer of some confidence is right, before and after temperature scaling."""
    from matplotlib import rc_context
    from matplotlib.ticker import PercentFormatter

    before, after = head.scores(calibrated=False).ece, head.scores().ece
    with rc_context(_STYLE):
        figure, axes = _axes(4.8, 4.2)
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--", label="right as often as it says")
        for name, found, colour, style in (
            (f"before (ECE {before:.3f})", head.raw, ORANGE, ":"),
            (f"after (ECE {after:.3f})", head.probabilities, BLUE, "-"),
        ):
            confidence, share, count = reliability_points(found, head.labels)
            axes.plot(confidence, share, color=colour, linestyle=style, linewidth=2, label=name)
            axes.scatter(confidence, share, s=8 + 140 * count / count.max(), color=colour, alpha=0.75, linewidth=0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1))
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that is right", aspect="equal")
        axes.legend(loc="upper left", fontsize=8.5)
        return _svg(figure)


def reliability_points(
    found: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Mean confidence, share of right answers and count of each of 15 equal bins that has faces."""
    confidence = found.max(axis=1)
    right = found.argmax(axis=1) == labels
    where = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    bins = np.unique(where)
    means = [(confidence[where == one].mean(), right[where == one].mean()) for one in bins]
    return (
        np.array([mean for mean, _ in means]),
        np.array([share for _, share in means]),
        np.array([(where == one).sum() for one in bins]),
    )


def _axes(width: float, height: float) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="tight")
    return figure, figure.add_subplot()


def _svg(figure: "Figure") -> str:
    """The figure as an <svg> element that takes the width it is given."""
    out = io.StringIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": None}
    figure.savefig(out, format="svg", transparent=True, metadata=metadata)
    text = out.getvalue()
    return text[text.index("<svg") :]
