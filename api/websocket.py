"""Live events over a WebSocket: each message is an object of ``event``, ``cursor`` and ``data``."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from api.following import Message

PROTOCOL: Final = "moodline.v1"
"""The subprotocol. A browser names its key in a second one, for it can send no header of its own."""
GOING_AWAY: Final = 1001


async def send_messages(websocket: WebSocket, messages: AsyncIterator[Message]) -> None:
    """Accept, and send until the messages end or the subscriber hangs up. What it says is not listened to."""
    offered = websocket.scope.get("subprotocols", [])
    await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    tasks = {asyncio.create_task(_send(websocket, messages)), asyncio.create_task(_hung_up(websocket))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                raise outcome


async def _send(websocket: WebSocket, messages: AsyncIterator[Message]) -> None:
    async for message in messages:
        # The data is JSON already, the same for all subscribers.
        place = json.dumps(message.cursor)
        await websocket.send_text(f'{{"event":"{message.event}","cursor":{place},"data":{message.data}}}')
    with contextlib.suppress(RuntimeError):  # it has hung up meanwhile
        await websocket.close(GOING_AWAY, HTTPStatus.SERVICE_UNAVAILABLE.phrase)


async def _hung_up(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
