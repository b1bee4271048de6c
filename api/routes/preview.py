"""A stream's newest picture, where its settings allow one: made while it is asked for, and kept nowhere."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Response

from api.dependencies import BrokerHere
from api.problems import UnknownStreamError, describe
from api.routes.streams import StreamId
from moodline.previews import look, shown
from moodline.streams import stream_view

router = APIRouter(prefix="/v1/streams", tags=["streams"])

_JPEG: Final = "image/jpeg"
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The newest picture.", "content": {_JPEG: {"schema": {"type": "string", "format": "binary"}}}},
    204: {"description": "There is no picture yet: ingest makes one as soon as it notices that somebody asks."},
}
_PROBLEMS = describe(
    HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
)


@router.get("/{id}/preview", responses={**_ANSWERS, **_PROBLEMS}, response_class=Response)
def preview(stream_id: StreamId, broker: BrokerHere) -> Response:
    """Show what a stream sees now; ask a few times a second. Off unless the stream's `preview` says otherwise."""
    view = stream_view(broker, stream_id)
    if view is None:
        raise UnknownStreamError(stream_id)
    if view.status is None or view.status.preview == "off":
        raise HTTPException(
            HTTPStatus.CONFLICT,
            f"The preview of stream {stream_id!r} is off; its setting `preview` may be blurred or clear.",
        )
    if broker.settings.seal_key is None:
        raise HTTPException(HTTPStatus.CONFLICT, "The api has no MOODLINE_SEAL_KEY, without which it opens no picture.")
    look(broker, stream_id)
    found = shown(broker, broker.sealer(), stream_id)
    if found is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return Response(found.jpeg, media_type=_JPEG, headers={"X-Frame": str(found.frame)})
