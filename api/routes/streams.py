"""The streams: what they are, how they do, and the emotions of one of them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from api.dependencies import BrokerHere, SettingsHere, Step, Window, check_known
from api.models import StreamList, StreamModel, SummaryModel, TimelineModel
from api.periods import summarise, timeline_of
from api.problems import UnknownStreamError, describe
from moodline.streams import list_streams, stream_view

router = APIRouter(prefix="/v1/streams", tags=["streams"])

StreamId = Annotated[str, Path(alias="id", description="The stream's id.", examples=["entrance"])]
_ANSWERS = describe(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)


@router.get("", responses=describe(HTTPStatus.SERVICE_UNAVAILABLE))
def streams(broker: BrokerHere) -> StreamList:
    """List every stream that has ever been read, with its state and ledger."""
    return StreamList(streams=[StreamModel.of(view) for view in list_streams(broker)])


@router.get("/{id}", responses=_ANSWERS)
def stream(stream_id: StreamId, broker: BrokerHere) -> StreamModel:
    """Show one stream."""
    view = stream_view(broker, stream_id)
    if view is None:
        raise UnknownStreamError(stream_id)
    return StreamModel.of(view)


@router.get("/{id}/summary", responses=_ANSWERS)
def summary(stream_id: StreamId, window: Window, broker: BrokerHere, settings: SettingsHere) -> SummaryModel:
    """Sum up the emotions of one stream in the last ``window``."""
    check_known(broker, [stream_id])
    return summarise(broker, [stream_id], settings.summaries, window)


@router.get("/{id}/timeline", responses=_ANSWERS)
def timeline(
    stream_id: StreamId, window: Window, step: Step, broker: BrokerHere, settings: SettingsHere
) -> TimelineModel:
    """Count the emotions of one stream in the last ``window``, step by step."""
    check_known(broker, [stream_id])
    return timeline_of(broker, [stream_id], settings.summaries, window, step)
