"""Line plots as SVG, for the documents."""

import io
from collections.abc import Mapping, Sequence


def lines(
    title: str,
    axes: tuple[str, str],
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    limit: tuple[float, str] | None = None,
) -> str:
    """Return a plot of ``curves`` (name -> x, y); ``limit`` is a horizontal line and what it says."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2), layout="constrained")
    plot = figure.add_subplot()
    for name, (x, y) in curves.items():
        plot.plot(x, y, marker="o", markersize=3, label=name)
    if limit is not None:
        plot.axhline(limit[0], color="grey", linestyle="--", linewidth=1, label=limit[1])
    plot.set(title=title, xlabel=axes[0], ylabel=axes[1])
    plot.set_ylim(bottom=0)
    plot.grid(alpha=0.3)
    plot.legend()
    written = io.StringIO()
    # Without a date, and with ids that do not change, so that a new run differs only where its figures do.
    figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()
