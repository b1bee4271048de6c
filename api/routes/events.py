"""Emotion events: page by page, the last ones, and live."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, HTTPException, Query, WebSocket
from sse_starlette import EventSourceResponse
from starlette.requests import HTTPConnection

from api.access import CLIENT
from api.dependencies import BrokerHere, LiveHere, Selected, SettingsHere, SharesHere
from api.following import follow_events
from api.live import LiveFeed
from api.models import EventPage, RecentEvents
from api.pages import page_after, read_after
from api.problems import RETRY_AFTER_S, describe
from api.sse import LiveResponse, as_server_sent
from api.websocket import send_messages
from moodline.event import last_events, latest_cursor

router = APIRouter(prefix="/v1/events", tags=["events"])
sockets = APIRouter(prefix="/v1/events")

# Not to be read, only to be given back; a wrong one is told before Redis is asked.
_CURSOR: Final = r"^([0-9]{1,4}_[0-9]{1,19}(-[0-9]{1,19}){1,2}(\.|$))*$"
SHUTDOWN_GRACE_S: Final = 2.0
SEND_TIMEOUT_S: Final = 30.0
"""Who reads nothing for so long is cut off, and its place is free."""

Limit = Annotated[int, Query(ge=1, le=1000, description="At most this many events.")]
Cursor = Annotated[
    str,
    Query(
        pattern=_CURSOR,
        max_length=4096,
        description="Where to go on: `next_cursor` of a page, or the `id` of a live message.",
    ),
]
LastEventId = Annotated[str, Header(pattern=_CURSOR, max_length=4096, description="Sent by a browser that reconnects.")]
_ANSWERS = describe(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
_STREAM_EXAMPLE = 'event: emotion\r\nid: 0_1795336327040-0-4711\r\ndata: {"schema": 1, ...}\r\n\r\n'
_LIVE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": (
            "Server-sent events. `emotion`, `face_entered`, `emotion_changed`, `face_left` carry an event. "
            "`ready` comes first; `missed` tells a slow subscriber, or one that comes back late, how many events it "
            "lost; `problem` and `closing` come before the end."
        ),
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _STREAM_EXAMPLE}},
    }
}


@router.get("", responses=_ANSWERS, response_model_exclude_none=True)
def events(broker: BrokerHere, selected: Selected, cursor: Cursor = "", limit: Limit = 100) -> EventPage:
    """Return events in the order of the feed, from the oldest that is kept or from ``cursor`` on."""
    return page_after(broker, selected, cursor=cursor, limit=limit)


@router.get("/recent", responses=_ANSWERS, response_model_exclude_none=True)
def recent(broker: BrokerHere, selected: Selected, limit: Limit = 30) -> RecentEvents:
    """Return the last events, newest first."""
    return RecentEvents(events=last_events(broker, selected.takes, count=limit))


def _start(broker: BrokerHere, cursor: Cursor = "", last_event_id: LastEventId = "") -> str:
    start = last_event_id or cursor or latest_cursor(broker)
    read_after(broker, start, 1)  # what is wrong with it must be said before anything is sent
    return start


async def _place(
    connection: HTTPConnection, feed: LiveHere, shares: SharesHere, settings: SettingsHere
) -> AsyncIterator[LiveFeed]:
    """Hold a place for as long as the answer lasts, before anything else is awaited."""
    most, share = settings.api.max_subscribers, settings.api.max_subscribers_per_client
    with shares.place(connection.scope[CLIENT], share) as own, shares.place(None, most) as free:
        if not own:
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{share} follow with this key or address already (api.max_subscribers_per_client); end one of them.",
                {"Retry-After": str(RETRY_AFTER_S)},
            )
        if not free:
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"There are {most} subscribers already (api.max_subscribers); come again later.",
                {"Retry-After": str(RETRY_AFTER_S)},
            )
        yield feed


Start = Annotated[str, Depends(_start)]
Place = Annotated[LiveFeed, Depends(_place)]


@router.get("/live", responses=_LIVE | _ANSWERS, response_class=EventSourceResponse)
def live(broker: BrokerHere, feed: Place, selected: Selected, start: Start) -> EventSourceResponse:
    """Follow events as they come; with ``Last-Event-ID`` or ``cursor``, those after it come first."""
    messages = as_server_sent(follow_events(feed, broker, selected, start))
    return LiveResponse(messages, shutdown_grace_period=SHUTDOWN_GRACE_S, send_timeout=SEND_TIMEOUT_S)


@sockets.websocket("/ws")
async def live_by_websocket(
    websocket: WebSocket, broker: BrokerHere, feed: Place, selected: Selected, start: Start
) -> None:
    """Follow events as ``/v1/events/live`` does, each message an object of event, cursor and data."""
    async with aclosing(follow_events(feed, broker, selected, start)) as messages:
        await send_messages(websocket, messages)
