"""Which kept resolution of the summaries answers a question, and how its buckets are put together."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from moodline.settings import SummarySettings

MAX_BUCKETS = 3000
"""Buckets that one answer may read: what 48 hours of minutes need."""

MOST_READ = 20_000
"""Beyond this many a script would hold the server for too long."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Groups:
    """What to read: ``count`` groups of ``size`` buckets of ``step``, the last of which ends before number ``ends``.

    Without ``ends`` they end with the newest bucket, rounded up to ``align`` buckets. ``factors``: how many steps the
    buckets of this and each coarser resolution have, from coarse to fine: whole ones of them are read in one piece.
    Raises ValueError for more than ``MOST_READ`` buckets in all, whoever asks: Redis does nothing else meanwhile.
    """

    step: timedelta
    count: int
    size: int
    factors: tuple[int, ...]
    align: int = 1
    ends: int | None = None

    def __post_init__(self) -> None:
        if self.count * self.size > MOST_READ:
            raise ValueError(
                f"reads more than {MOST_READ} time buckets; ask for less, or keep a coarser resolution as long"
            )


def whole(settings: SummarySettings, *, window: timedelta, until: datetime | None, count: int = 1) -> Groups:
    """Return ``count`` groups of one ``window`` each, the last of which ends at ``until``. Raises ValueError."""
    _refuse_empty(window)
    steps = _kept(settings, window * count, until)
    step = next((step for step in steps if window * count / step <= MAX_BUCKETS), steps[-1])
    factors = _factors(settings, step)
    if until is None:
        return Groups(step, count, math.ceil(window / step), factors)
    ends = _ceil(until, step)
    return Groups(step, count, ends - _floor(until - window, step), factors, ends=ends)


def stepped(settings: SummarySettings, *, window: timedelta, step: timedelta, until: datetime | None) -> Groups:
    """Return groups of ``step`` that cover the ``window`` which ends at ``until``. Raises ValueError."""
    _refuse_empty(window)
    # A step that is longer than the window is told whole.
    covered = max(window, step)
    kept = _kept(settings, covered, until)
    fitting = [finer for finer in kept if finer <= step and step % finer == timedelta(0)]
    if not fitting:
        steps = ", ".join(f"{step.total_seconds():g} s" for step in kept)
        raise ValueError(f"must be a multiple of a step that is kept for this window ({steps})")
    if window / step > MAX_BUCKETS:
        raise ValueError(f"gives more than {MAX_BUCKETS} steps in this window; choose a longer step")
    finest = next((finer for finer in fitting if covered / finer <= MAX_BUCKETS), fitting[-1])
    size = round(step / finest)
    factors = _factors(settings, finest)
    if until is None:
        return Groups(finest, math.ceil(window / step), size, factors, align=size)
    last = _ceil(until, step)
    return Groups(finest, last - _floor(until - window, step), size, factors, align=size, ends=last * size)


def _factors(settings: SummarySettings, step: timedelta) -> tuple[int, ...]:
    coarse_first = sorted((resolution.step for resolution in settings.resolutions), reverse=True)
    return tuple(kept // step for kept in coarse_first if kept >= step)


def _refuse_empty(window: timedelta) -> None:
    if window <= timedelta(0):
        raise ValueError("must be longer than zero, for example 15m")


def _kept(settings: SummarySettings, window: timedelta, until: datetime | None) -> list[timedelta]:
    """Return the steps that are kept for a ``window`` that ends at ``until``, from fine to coarse."""
    long_enough = [resolution for resolution in settings.resolutions if resolution.keep >= window]
    if not long_enough:
        longest = max(resolution.keep for resolution in settings.resolutions)
        raise ValueError(f"is longer than what is kept ({longest.days} days)")
    age = _age(until, window)
    # What is older than everything that is kept is asked of the coarsest: of a recording it may still be there,
    # since buckets are kept from their last write on.
    reaching = [resolution for resolution in long_enough if resolution.keep >= age] or long_enough[-1:]
    return [resolution.step for resolution in reaching]


def _age(until: datetime | None, window: timedelta) -> timedelta:
    return window if until is None else datetime.now(UTC) - (until - window)


def _floor(moment: datetime, step: timedelta) -> int:
    return (moment - _EPOCH) // step


def _ceil(moment: datetime, step: timedelta) -> int:
    return -((_EPOCH - moment) // step)
