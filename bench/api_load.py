"""A crowd in front of the API: subscribers that follow events, and summaries asked for at fixed times.

Requests come when they are due, whatever the answers before them did, and each one's time counts from then: a server
that falls behind cannot hide it. The client speaks HTTP itself, since a library would need more of the processor than
the server that it measures.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

_CONNECTIONS = 32
_READY_WITHIN_S = 30.0
_LIVE = "/v1/events/live"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Answers:
    """What happened: milliseconds of answers with 200, how many others, events of each subscriber, notices of loss."""

    latencies_ms: list[float] = field(default_factory=list)
    failures: int = 0
    events: list[int] = field(default_factory=list)
    missed: int = 0


class Target:
    """Where the API listens."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    async def connect(self) -> Connection:
        """Open a connection."""
        return await asyncio.open_connection(self._host, self._port)

    def request(self, path: str) -> bytes:
        """Return a request's bytes."""
        return f"GET {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n\r\n".encode()


async def crowd(target: Target, questions: Iterator[str], *, subscribers: int, rate: float, seconds: float) -> Answers:
    """Follow with ``subscribers`` while ``rate`` of the ``questions`` are asked a second, and return what happened."""
    answers, ready = Answers(), asyncio.Semaphore(0)
    following = [asyncio.create_task(_follow(target, answers, ready)) for _ in range(subscribers)]
    for _ in following:
        await asyncio.wait_for(ready.acquire(), _READY_WITHIN_S)
    await _ask_steadily(target, questions, answers, rate=rate, seconds=seconds)
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    return answers


async def _ask_steadily(
    target: Target, questions: Iterator[str], answers: Answers, *, rate: float, seconds: float
) -> None:
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await target.connect())

    async def ask(path: str, due: float) -> None:
        connection = await free.get()
        try:
            status = await _answer(connection, target.request(path))
        except (OSError, asyncio.IncompleteReadError):
            answers.failures += 1
            connection = await target.connect()
        else:
            if status == HTTPStatus.OK:
                answers.latencies_ms.append((time.perf_counter() - due) * 1000)
            else:
                answers.failures += 1
        free.put_nowait(connection)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(round(rate * seconds)):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(ask(next(questions), due))


async def _answer(connection: Connection, request: bytes) -> int:
    """Send a request, read its whole answer, and return the status."""
    reader, writer = connection
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    return int(head.split(b" ", 2)[1])


async def _follow(target: Target, answers: Answers, ready: asyncio.Semaphore) -> None:
    """Follow events until cancelled, and count them."""
    reader, writer = await target.connect()
    writer.write(target.request(_LIVE))
    number = 0
    try:
        async for line in reader:
            if line.startswith(b"event: ready"):
                ready.release()
            elif line.startswith(b"event: missed"):
                answers.missed += 1
            elif line.startswith(b"event: "):
                number += 1
    finally:
        answers.events.append(number)
        writer.close()
