"""The emotions of all streams together."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from api.dependencies import BrokerHere, SettingsHere
from api.periods import summarise, timeline_of
from api.problems import describe
from api.spans import AskedPeriod, Compare, Step
from api.summary_models import SummaryModel, TimelineModel
from api.tables import AsCsv, as_json, describe_csv, summary_table, timeline_table
from moodline.emotions import EMOTIONS
from moodline.streams import stream_ids

router = APIRouter(prefix="/v1", tags=["summaries"])

_ANSWERS = describe(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
SUMMARY_CSV = describe_csv(
    [
        "start,end,streams,emotion,count,share,mean_probability,faces,tracks",
        "2026-11-22T08:17:10.000Z,2026-11-22T08:32:10.000Z,entrance,happy,250,0.6068,0.5712,412,9",
    ]
)
TIMELINE_CSV = describe_csv(
    [
        f"at,faces,tracks,{','.join(EMOTIONS)}",
        "2026-11-22T08:30:00.000Z,31,2,0,0,0,20,11,0,0",
    ]
)


@router.get("/summary", responses=SUMMARY_CSV | _ANSWERS, response_model=SummaryModel)
def summary(
    period: AskedPeriod, compare: Compare, as_csv: AsCsv, broker: BrokerHere, settings: SettingsHere
) -> Response:
    """Sum up the emotions of all streams in the last ``window``, or between two moments."""
    found = summarise(broker, stream_ids(broker), settings.summaries, period, compare=compare)
    return summary_table(found, "all") if as_csv else as_json(found)


@router.get("/timeline", responses=TIMELINE_CSV | _ANSWERS, response_model=TimelineModel)
def timeline(period: AskedPeriod, step: Step, as_csv: AsCsv, broker: BrokerHere, settings: SettingsHere) -> Response:
    """Count the emotions of all streams in the last ``window``, or between two moments, step by step."""
    found = timeline_of(broker, stream_ids(broker), settings.summaries, period, step)
    return timeline_table(found, "all") if as_csv else as_json(found)
