"""Summaries and timelines as the API answers them."""

from collections.abc import Sequence
from datetime import timedelta

import moodline.summaries
from api.models import StepModel, SummaryModel, TimelineModel
from api.problems import WrongParameterError
from moodline.broker import Broker
from moodline.settings import SummarySettings


def summarise(broker: Broker, streams: Sequence[str], settings: SummarySettings, window: timedelta) -> SummaryModel:
    """Sum up ``streams``. Raises WrongParameterError, BrokerError."""
    try:
        bucket = moodline.summaries.summary(broker, streams, settings, window=window)
    except ValueError as error:
        raise WrongParameterError("window", str(error)) from error
    return SummaryModel.of(bucket, list(streams), window)


def timeline_of(
    broker: Broker, streams: Sequence[str], settings: SummarySettings, window: timedelta, step: timedelta
) -> TimelineModel:
    """Return the timeline of ``streams``. Raises WrongParameterError, BrokerError."""
    try:
        buckets = moodline.summaries.timeline(broker, streams, settings, window=window, step=step)
    except ValueError as error:
        # The window has been checked before, so what does not fit is the step.
        raise WrongParameterError("step", str(error)) from error
    return TimelineModel(
        streams=list(streams),
        window_s=window.total_seconds(),
        step_s=step.total_seconds(),
        buckets=[StepModel.of(bucket) for bucket in buckets],
    )
