"""What is not as it should be in the data: counted, and the first of each kind named."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from trainer.data.faces import DataError

log = logging.getLogger(__name__)

Kind = Literal[
    "unreadable picture", "wrong row", "other size", "unknown folder", "no picture", "empty emotion", "missing emotion"
]

_NAMED = 3
_MOST_BAD = 0.1  # share of bad faces above which something is wrong with the whole

_SAYS: dict[Kind, str] = {
    "unreadable picture": "{count} left out, no picture or damaged",
    "wrong row": "{count} rows left out",
    "other size": "{count} scaled to 48x48",
    "unknown folder": "{count} pictures left out, their folder is no emotion",
    "no picture": "{count} other files left out",
    "empty emotion": "{count} folders of an emotion hold no picture",
    "missing emotion": "{count} emotions have no face",
}


def sentences(counts: Mapping[Kind, int], examples: Mapping[Kind, list[str]]) -> Iterator[str]:
    """A line for each kind that was found."""
    for kind in get_args(Kind):
        if count := counts.get(kind, 0):
            more = ", ..." if count > len(examples[kind]) else ""
            yield f"{_SAYS[kind].format(count=count)}: {', '.join(examples[kind])}{more}"


class Findings:
    """Counts and first examples of each kind of finding in one split."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.counts: Counter[Kind] = Counter()
        self.examples: dict[Kind, list[str]] = {}

    def add(self, kind: Kind, where: str, count: int = 1) -> None:
        """Note something at `where`, `count` times."""
        if count:
            self.counts[kind] += count
            named = self.examples.setdefault(kind, [])
            if len(named) < _NAMED:
                named.append(where)

    def warn(self) -> None:
        """Log what was found."""
        for line in sentences(self.counts, self.examples):
            log.warning("%s: %s", self.place, line)

    def refuse_ruins(self, good: int) -> None:
        """Raise DataError where no face is left, or more than a tenth of them cannot be read."""
        for kind in ("unreadable picture", "wrong row"):
            bad = self.counts[kind]
            if bad > _MOST_BAD * (bad + good):
                what = "pictures" if kind == "unreadable picture" else "rows"
                raise DataError(
                    f"{self.place}: {bad} of {bad + good} {what} cannot be read, the first is "
                    f"{self.examples[kind][0]}; mend or remove them."
                )
        if not good:
            raise DataError(f"{self.place} holds no pictures of an emotion: put them into one folder for each emotion.")
