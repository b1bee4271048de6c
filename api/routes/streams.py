"""The streams: what they are, how they do, and the emotions of one of them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.dependencies import BrokerHere, SettingsHere, check_known
from api.models import StreamList, StreamModel
from api.periods import diary_of, summarise, timeline_of
from api.problems import UnknownStreamError, describe
from api.routes.summaries import SUMMARY_CSV, TIMELINE_CSV
from api.spans import AskedDays, AskedPeriod, Compare, Step
from api.summary_models import DiaryModel, SummaryModel, TimelineModel
from api.tables import AsCsv, as_json, describe_csv, diary_table, summary_table, timeline_table
from moodline.emotions import EMOTIONS
from moodline.known import known_stream, known_streams

router = APIRouter(prefix="/v1/streams", tags=["streams"])

StreamId = Annotated[str, Path(alias="id", description="The stream's id.", examples=["entrance"])]
_ANSWERS = describe(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
_DAYS_CSV = describe_csv(
    [
        f"date,faces,tracks,strongest,first_seen,last_seen,{','.join(EMOTIONS)}",
        "2026-11-22,412,9,happy,2026-11-22T08:18:44.200Z,2026-11-22T17:32:06.840Z,0,0,0,250,162,0,0",
    ]
)


@router.get("", responses=describe(HTTPStatus.SERVICE_UNAVAILABLE))
def streams(broker: BrokerHere) -> StreamList:
    """List every stream that has ever been read or was added, with its state and ledger."""
    return StreamList(streams=[StreamModel.of(view) for view in known_streams(broker)])


@router.get("/{id}", responses=_ANSWERS)
def stream(stream_id: StreamId, broker: BrokerHere) -> StreamModel:
    """Show one stream."""
    view = known_stream(broker, stream_id)
    if view is None:
        raise UnknownStreamError(stream_id)
    return StreamModel.of(view)


@router.get("/{id}/summary", responses=SUMMARY_CSV | _ANSWERS, response_model=SummaryModel)
def summary(
    stream_id: StreamId,
    period: AskedPeriod,
    compare: Compare,
    as_csv: AsCsv,
    broker: BrokerHere,
    settings: SettingsHere,
) -> Response:
    """Sum up the emotions of one stream in the last ``window``, or between two moments."""
    check_known(broker, [stream_id])
    found = summarise(broker, [stream_id], settings.summaries, period, compare=compare)
    return summary_table(found, stream_id) if as_csv else as_json(found)


@router.get("/{id}/timeline", responses=TIMELINE_CSV | _ANSWERS, response_model=TimelineModel)
def timeline(
    stream_id: StreamId, period: AskedPeriod, step: Step, as_csv: AsCsv, broker: BrokerHere, settings: SettingsHere
) -> Response:
    """Count the emotions of one stream in the last ``window``, or between two moments, step by step."""
    check_known(broker, [stream_id])
    found = timeline_of(broker, [stream_id], settings.summaries, period, step)
    return timeline_table(found, stream_id) if as_csv else as_json(found)


@router.get("/{id}/days", responses=_DAYS_CSV | _ANSWERS, response_model=DiaryModel)
def days(stream_id: StreamId, period: AskedDays, as_csv: AsCsv, broker: BrokerHere, settings: SettingsHere) -> Response:
    """Keep a diary of one stream: the emotions of each day, in UTC."""
    check_known(broker, [stream_id])
    found = diary_of(broker, stream_id, settings.summaries, period)
    return diary_table(found) if as_csv else as_json(found)
