"""One browser's webcam: pictures come in by a WebSocket and go on to ingest; its events go back on the same socket.

A message of the browser is a picture's number, four bytes, big end first, and its JPEG. A message to the browser is an
object of ``event`` and ``data``: ``ready``, ``taken`` or ``left_out`` for each picture, the stream's events, ``status``
once a second, ``problem`` and ``closing``.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.jpeg import jpeg_size
from api.limits import TokenBuckets
from api.live import LiveFeed
from api.selection import Selection
from moodline.broker import Broker
from moodline.errors import BrokerError
from moodline.settings import ApiSettings
from moodline.streams import StreamView, stream_view
from moodline.webcams import SILENT_MS, send_picture

NUMBER_BYTES: Final = 4
MOST_PIXELS: Final = 1920 * 1080
STATUS_S: Final = 1.0
PATIENCE_S: Final = 4.0
"""How long nobody may take pictures, or judge faces, before the page says so."""

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
NO_JPEG: Final = 1007
TOO_LARGE: Final = 1009
TRY_LATER: Final = 1013


class Refusal(Exception):  # noqa: N818 - it ends a conversation, and nothing has gone wrong in the program
    """Why no more pictures are taken: a sentence for the person, and the code that closes the WebSocket."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class WebcamSession:
    """The conversation with one page, from its first picture to its last."""

    def __init__(self, websocket: WebSocket, stream: str, broker: Broker, settings: ApiSettings) -> None:
        self._websocket = websocket
        self._stream = stream
        self._broker = broker
        self._sealer = broker.sealer()
        self._settings = settings
        self._rate = TokenBuckets(settings.webcam_fps, burst=2.0)
        self._sending = asyncio.Lock()
        self._last_number = -1
        self._first_picture_s: float | None = None
        self._last_event_s = time.monotonic()

    async def run(self, feed: LiveFeed) -> None:
        """Talk until the page hangs up, sends nothing, or sends what is no picture. Raises BrokerError."""
        with feed.subscribe(Selection(streams=frozenset([self._stream]))) as subscription:
            await subscription.placed.wait()
            await self._say("ready", stream=self._stream, **limits_of(self._settings))
            events = self._events(subscription.take)
            await _first_of(self._take_pictures(), self._send(events), self._tell_status())

    async def _take_pictures(self) -> None:
        """Hand on what comes. Raises Refusal, WebSocketDisconnect."""
        while True:
            try:
                message = await asyncio.wait_for(self._websocket.receive(), SILENT_MS / 1000)
            except TimeoutError:
                raise Refusal("No picture has come for 5 seconds; start the camera again.", NORMAL) from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code") or NORMAL)
            number, jpeg = self._checked(message.get("bytes") or b"")
            if self._rate.take(""):
                await self._say("left_out", frame=number)
                continue
            await run_in_threadpool(send_picture, self._broker, self._sealer, self._stream, number, jpeg)
            self._first_picture_s = self._first_picture_s or time.monotonic()
            await self._say("taken", frame=number)

    def _checked(self, data: bytes) -> tuple[int, bytes]:
        """Return a picture's number and JPEG. Raises Refusal."""
        number, jpeg = int.from_bytes(data[:NUMBER_BYTES], "big"), data[NUMBER_BYTES:]
        if len(jpeg) > self._settings.webcam_max_picture:
            limit = self._settings.webcam_max_picture
            raise Refusal(f"A picture is larger than {limit} bytes (api.webcam_max_picture); send less.", TOO_LARGE)
        size = jpeg_size(jpeg)
        if size is None or number <= self._last_number:
            raise Refusal("A message must be a number that grows, in four bytes, and a JPEG.", NO_JPEG)
        if size[0] * size[1] > MOST_PIXELS:
            raise Refusal("A picture may have 1920 x 1080 pixels at most; send a smaller one.", TOO_LARGE)
        self._last_number = number
        return number, jpeg

    async def _events(self, take: Any) -> AsyncIterator[tuple[str, str]]:
        while (delivery := await take()) is not None:
            for notice in delivery.notices():
                yield "missed", notice
            for live in delivery.events:
                self._last_event_s = time.monotonic()
                yield live.event.kind, live.text
        raise Refusal("moodline is stopping; come again later.", GOING_AWAY)

    async def _send(self, events: AsyncIterator[tuple[str, str]]) -> None:
        async for name, data in events:
            await self._write(name, data)

    async def _tell_status(self) -> None:
        """Say once a second how the stream is, and whom it waits for."""
        while True:
            await asyncio.sleep(STATUS_S)
            view = await run_in_threadpool(stream_view, self._broker, self._stream)
            status = view.status if view else None
            await self._say(
                "status",
                state=status.state if status else "connecting",
                fps=status.fps if status else 0.0,
                faces=view.open_tracks if view else 0,
                queued=view.ledger.queued if view else 0,
                dropped=sum(view.ledger.dropped.values()) if view else 0,
                detail=self._waits_for(view),
            )

    def _waits_for(self, view: StreamView | None) -> str:
        """Return a sentence where somebody is missing who should take pictures or judge faces, else nothing."""
        now = time.monotonic()
        if self._first_picture_s is None or now - self._first_picture_s < PATIENCE_S:
            return ""
        if view and view.status and view.status.state == "unsupported":
            return view.status.sentence
        if view is None or not _is_read(view):
            return "Nobody takes the pictures: the ingest service is away, or busy. The page goes on trying."
        if view.ledger.queued and now - self._last_event_s > PATIENCE_S:
            return "Faces are found, but nobody judges them: the worker is away, or busy. The page goes on trying."
        return ""

    async def _say(self, name: str, **content: object) -> None:
        await self._write(name, json.dumps(content))

    async def _write(self, name: str, data: str) -> None:
        async with self._sending:
            await self._websocket.send_text(f'{{"event":"{name}","data":{data}}}')


def limits_of(settings: ApiSettings) -> dict[str, object]:
    """Return what a page has to know before it sends."""
    return {"fps": settings.webcam_fps, "max_picture": int(settings.webcam_max_picture)}


async def close_with(websocket: WebSocket, sentence: str, code: int) -> None:
    """Say why, and close; the page may have gone meanwhile."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await websocket.send_text(json.dumps({"event": "problem", "data": {"detail": sentence}}))
        await websocket.close(code)


def problem_of(error: BrokerError | Refusal) -> tuple[str, int]:
    """Return the sentence and the code of the end."""
    return (error.sentence, error.code) if isinstance(error, Refusal) else (str(error), TRY_LATER)


def _is_read(view: StreamView) -> bool:
    status = view.status
    if status is None or status.last_frame_at_ms is None:
        return False
    return view.now_ms - status.last_frame_at_ms < PATIENCE_S * 1000


async def _first_of(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, then end the others; raise what it raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
