"""Summaries, timelines and days as the API answers them."""

from collections.abc import Sequence
from datetime import timedelta

import moodline.summaries
from api.problems import WrongParameterError
from api.spans import Period
from api.summary_models import DiaryModel, StepModel, SummaryModel, TimelineModel
from moodline.broker import Broker
from moodline.settings import SummarySettings

_DAY = timedelta(days=1)


def summarise(
    broker: Broker, streams: Sequence[str], settings: SummarySettings, period: Period, *, compare: bool = False
) -> SummaryModel:
    """Sum up ``streams``, beside the window before if wanted. Raises WrongParameterError, BrokerError."""
    window, until = period.window, period.until
    try:
        if not compare:
            bucket = moodline.summaries.summary(broker, streams, settings, window=window, until=until)
            return SummaryModel.over(bucket, list(streams), window)
        before, bucket = moodline.summaries.comparison(broker, streams, settings, window=window, until=until)
    except ValueError as error:
        if not compare:
            raise WrongParameterError("window", str(error)) from error
        # The window alone has been checked before; only two of them may be too long together.
        raise WrongParameterError("compare", f"needs the window before as well, and both together {error}") from error
    return SummaryModel.over(bucket, list(streams), window, before)


def timeline_of(
    broker: Broker, streams: Sequence[str], settings: SummarySettings, period: Period, step: timedelta
) -> TimelineModel:
    """Return the timeline of ``streams``. Raises WrongParameterError, BrokerError."""
    window, until = period.window, period.until
    try:
        buckets = moodline.summaries.timeline(broker, streams, settings, window=window, step=step, until=until)
    except ValueError as error:
        # The window has been checked before, so what does not fit is the step.
        raise WrongParameterError("step", str(error)) from error
    return TimelineModel(
        streams=list(streams),
        window_s=window.total_seconds(),
        step_s=step.total_seconds(),
        buckets=[StepModel.of(bucket) for bucket in buckets],
    )


def diary_of(broker: Broker, stream: str, settings: SummarySettings, period: Period) -> DiaryModel:
    """Return the days of a stream, those without faces too. Raises WrongParameterError, BrokerError."""
    try:
        days = moodline.summaries.timeline(
            broker, [stream], settings, window=period.window, step=_DAY, until=period.until
        )
    except ValueError as error:
        raise WrongParameterError("from", f"asks for days of which no summary is kept: the step {error}") from error
    return DiaryModel.of(stream, days)
