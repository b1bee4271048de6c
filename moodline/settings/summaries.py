"""The settings of the summaries: how finely and how long emotions are remembered."""

from datetime import timedelta
from itertools import pairwise

from pydantic import Field, field_validator

from moodline.settings.section import Rejection, Section, reject
from moodline.settings.units import PositiveDuration, format_duration


class Resolution(Section):
    """One resolution of the summaries: buckets of one length, kept for a time."""

    step: PositiveDuration = Field(
        ge=timedelta(seconds=1),
        description=(
            "Length of a bucket. Each resolution's must be a multiple of the one before, so that buckets add up."
        ),
    )
    keep: PositiveDuration = Field(
        description=("How long a bucket is kept after its last write; longer than that of the finer one before."),
    )


_DEFAULT_RESOLUTIONS = (
    Resolution(step=timedelta(seconds=10), keep=timedelta(hours=1)),
    Resolution(step=timedelta(minutes=1), keep=timedelta(hours=48)),
    Resolution(step=timedelta(hours=1), keep=timedelta(days=90)),
    Resolution(step=timedelta(days=1), keep=timedelta(days=730)),
)


class SummarySettings(Section):
    """Counts of emotions over time, kept by the commit of each event."""

    resolutions: tuple[Resolution, ...] = Field(
        default=_DEFAULT_RESOLUTIONS,
        min_length=1,
        max_length=8,
        description=(
            "From fine to coarse. Every event is counted once in each, so a further one costs a write per "
            "event and memory for keep/step buckets a stream."
        ),
    )

    @field_validator("resolutions")
    @classmethod
    def _buckets_add_up(cls, resolutions: tuple[Resolution, ...]) -> tuple[Resolution, ...]:
        problems: list[Rejection] = []
        for index, one in enumerate(resolutions):
            for name, duration in (("step", one.step), ("keep", one.keep)):
                if duration % timedelta(seconds=1):
                    problems.append(((index, name), "must be whole seconds; round it"))
            if one.keep < one.step:
                problems.append(((index, "keep"), f"is shorter than its step ({format_duration(one.step)}); raise it"))
        for index, (finer, coarser) in enumerate(pairwise(resolutions), start=1):
            problems += [((index, field), sentence) for field, sentence in _misfits(finer, coarser)]
        if problems:
            reject(problems)
        return resolutions


def _misfits(finer: Resolution, coarser: Resolution) -> list[tuple[str, str]]:
    before = f"the one before ({format_duration(finer.step)})"
    misfits = []
    if coarser.step <= finer.step:
        misfits.append(("step", f"must be longer than {before}; order resolutions from fine to coarse"))
    elif coarser.step % finer.step:
        misfits.append(("step", f"must be a multiple of {before}, so that buckets add up; change one of them"))
    if coarser.keep <= finer.keep:
        misfits.append(("keep", f"must be longer than that of the one before ({format_duration(finer.keep)})"))
    return misfits
