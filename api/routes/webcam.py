"""The webcam of a browser: what a page may send, and the WebSocket that it sends by."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, WebSocket
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from api.dependencies import BrokerHere, LiveHere, SettingsHere, SharesHere
from api.problems import RETRY_AFTER_S, describe
from api.webcam import TRY_LATER, Refusal, WebcamSession, close_with, problem_of
from api.websocket import PROTOCOL
from moodline.broker import Broker
from moodline.errors import BrokerError
from moodline.settings import Settings
from moodline.webcams import claim_webcam, end_webcam, open_webcams, webcam_template

router = APIRouter(prefix="/v1/webcam", tags=["webcam"])
sockets = APIRouter(prefix="/v1/webcam")

_NO_KEY: Final = (
    "The api has no MOODLINE_SEAL_KEY, without which no picture may go through Redis: give it the same as ingest."
)


class WebcamLimits(BaseModel):
    """What a page may send by the WebSocket ``/v1/webcam``."""

    fps: Annotated[float, Field(description="Pictures a second; what comes faster is left out.", examples=[8.0])]
    max_picture: Annotated[int, Field(description="Bytes of the largest JPEG.", examples=[262144])]
    open: Annotated[int, Field(description="Webcams that send now.", examples=[1])]
    most: Annotated[int, Field(description="Webcams that may send at once.", examples=[4])]


@router.get("", responses=describe(HTTPStatus.SERVICE_UNAVAILABLE))
def limits(broker: BrokerHere, settings: SettingsHere) -> WebcamLimits:
    """Say what a page may send; 503 where no webcam can be taken now."""
    sentence = _refusal(broker, settings)
    if sentence is not None:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, sentence, {"Retry-After": str(RETRY_AFTER_S)})
    return WebcamLimits(
        fps=settings.api.webcam_fps,
        max_picture=settings.api.webcam_max_picture,
        open=len(open_webcams(broker)),
        most=settings.api.max_webcams,
    )


@sockets.websocket("")
async def webcam(
    websocket: WebSocket, broker: BrokerHere, settings: SettingsHere, feed: LiveHere, shares: SharesHere
) -> None:
    """Take pictures and send back events. A page cannot read a refused handshake: it is told after it."""
    offered = websocket.scope.get("subprotocols", [])
    await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    stream = None
    try:
        with shares.place(None, settings.api.max_subscribers) as free:
            async with websocket.app.state.claiming:  # or two would count the same webcams
                stream = await run_in_threadpool(_opened, broker, settings, has_place=free)
            await WebcamSession(websocket, stream, broker, settings.api).run(feed)
    except (Refusal, BrokerError) as end:
        await close_with(websocket, *problem_of(end))
    except (WebSocketDisconnect, RuntimeError):
        pass  # it has hung up
    finally:
        if stream is not None:
            await run_in_threadpool(_ended, broker, stream)


def _opened(broker: Broker, settings: Settings, *, has_place: bool) -> str:
    """Return the id of a new webcam. Raises Refusal, BrokerError."""
    sentence = _refusal(broker, settings)
    if sentence is None and not has_place:
        sentence = "This moodline has as many subscribers as it may (api.max_subscribers); come again later."
    if sentence is not None:
        raise Refusal(sentence, TRY_LATER)
    stream = claim_webcam(broker, webcam_template(settings).id)
    if len(open_webcams(broker)) > settings.api.max_webcams:  # another api has been quicker
        end_webcam(broker, stream)
        raise Refusal(_busy(settings.api.max_webcams), TRY_LATER)
    return stream


def _refusal(broker: Broker, settings: Settings) -> str | None:
    most = settings.api.max_webcams
    if most == 0:
        return "This moodline takes no webcams (api.max_webcams is 0)."
    if not webcam_template(settings).enabled:
        return "This moodline takes no webcams (the stream whose url is browser: is not enabled)."
    if broker.settings.seal_key is None:
        return _NO_KEY
    if len(open_webcams(broker)) >= most:
        return _busy(most)
    return None


def _busy(most: int) -> str:
    return f"This moodline is busy: {most} webcams send already (api.max_webcams); come again later."


def _ended(broker: Broker, stream: str) -> None:
    """Say that the page has gone; if Redis is away, the webcam is over by itself after its time of silence."""
    try:
        end_webcam(broker, stream)
    except BrokerError:
        return
