"""Streams that are added, changed, paused and removed while moodline runs."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from api.declaring import NewStream, StreamChange
from api.dependencies import BrokerHere, SettingsHere
from api.models import StreamModel
from api.problems import UnknownStreamError, describe
from api.routes.streams import StreamId
from moodline.broker import Broker
from moodline.declared import add_stream, change_stream, declared_streams
from moodline.known import check_not_in_file, check_not_only_read, known_stream
from moodline.purge import remove_stream

router = APIRouter(prefix="/v1/streams", tags=["streams"])

_REFUSALS = describe(HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
_OF_ONE = describe(HTTPStatus.NOT_FOUND) | _REFUSALS
_OF_BODY = describe(HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


@router.post("", status_code=HTTPStatus.CREATED, responses=_REFUSALS | _OF_BODY)
def add(new: NewStream, broker: BrokerHere, settings: SettingsHere, response: Response) -> StreamModel:
    """Add a stream. An ingest host begins to read it within seconds, and it is there after every restart.

    The body holds the same settings as under `streams` in the configuration file. Its source must be one that
    `api.stream_sources` allows; in place of a password in the url stands `${CAMERA_NAME}`, a variable of ingest.
    """
    if isinstance(stream := new.root.get("id"), str):
        check_not_in_file(broker, stream, settings.streams)
    stream_id = add_stream(broker, settings.api, new.root)
    response.headers["Location"] = f"/v1/streams/{stream_id}"
    return _shown(broker, stream_id)


@router.patch("/{id}", responses=_OF_ONE | _OF_BODY)
def change(stream_id: StreamId, changes: StreamChange, broker: BrokerHere, settings: SettingsHere) -> StreamModel:
    """Change settings of a stream that was added here; `enabled` false pauses it, true goes on.

    What is not named stays; null takes a setting back to its default. No other stream is touched.
    """
    check_not_in_file(broker, stream_id, settings.streams)
    if not change_stream(broker, settings.api, stream_id, changes.root):
        check_not_only_read(broker, stream_id)
        raise UnknownStreamError(stream_id)
    return _shown(broker, stream_id)


@router.delete("/{id}", status_code=HTTPStatus.NO_CONTENT, responses=_OF_ONE)
def remove(stream_id: StreamId, broker: BrokerHere, settings: SettingsHere) -> None:
    """Remove a stream that was added here: it is read no longer, what it has queued is dropped, its faces leave.

    Its events and summaries stay until their time is over; `moodline purge` deletes them at once.
    """
    check_not_in_file(broker, stream_id, settings.streams)
    if stream_id not in declared_streams(broker):
        check_not_only_read(broker, stream_id)
        raise UnknownStreamError(stream_id)
    remove_stream(broker, stream_id, undeclare=True)


def _shown(broker: Broker, stream_id: str) -> StreamModel:
    view = known_stream(broker, stream_id)
    if view is None:  # removed by somebody else in this moment
        raise UnknownStreamError(stream_id)
    return StreamModel.of(view)
