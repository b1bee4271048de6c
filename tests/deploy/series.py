"""Which series there are, and which a query asks for."""

import re

from moodline.metrics import HISTOGRAMS, exposed_names

# With the levels of a recording rule's name: stream:moodline_late:ratio5m.
_NAME = re.compile(r"(?<![\w:])(?:[a-z]+:)?moodline_\w+(?::\w+)?|\bup\b(?=\{)")


def declared_labels() -> dict[str, tuple[str, ...]]:
    """Return the labels of every series that moodline exposes, by its name: a histogram is three."""
    histograms = {metric.name for metric in HISTOGRAMS.values()}
    found: dict[str, tuple[str, ...]] = {}
    for name, metric in exposed_names().items():
        suffixes = ("_bucket", "_sum", "_count") if name in histograms else ("",)
        found |= {name + suffix: metric.labels for suffix in suffixes}
    return found


def names_in(query: str) -> set[str]:
    """Return the names of the series that a query asks for."""
    return set(_NAME.findall(query))
