"""The emotions of all streams together."""

from http import HTTPStatus

from fastapi import APIRouter

from api.dependencies import BrokerHere, SettingsHere, Step, Window
from api.models import SummaryModel, TimelineModel
from api.periods import summarise, timeline_of
from api.problems import describe
from moodline.streams import stream_ids

router = APIRouter(prefix="/v1", tags=["summaries"])

_ANSWERS = describe(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)


@router.get("/summary", responses=_ANSWERS)
def summary(window: Window, broker: BrokerHere, settings: SettingsHere) -> SummaryModel:
    """Sum up the emotions of all streams in the last ``window``."""
    return summarise(broker, stream_ids(broker), settings.summaries, window)


@router.get("/timeline", responses=_ANSWERS)
def timeline(window: Window, step: Step, broker: BrokerHere, settings: SettingsHere) -> TimelineModel:
    """Count the emotions of all streams in the last ``window``, step by step."""
    return timeline_of(broker, stream_ids(broker), settings.summaries, window, step)
