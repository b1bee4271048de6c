"""Measures the API: python -m tests.api.load URL [--subscribers 50] [--rate 200] [--seconds 20] [--key KEY].

Requests come at fixed times, whatever the answers before them did, and each one's time counts from when it was due: a
server that falls behind cannot hide it. The client speaks HTTP itself, since a library would need more of the processor
than the server it measures.
"""

import argparse
import asyncio
import json
import statistics
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CONNECTIONS = 32
SUMMARY = "/v1/summary?window=15m"
LIVE = "/v1/events/live"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Result:
    """What happened. ``latencies_ms`` of answers with 200; ``late``: requests for which no connection was free."""

    latencies_ms: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    messages: list[int] = field(default_factory=list)
    missed: int = 0

    def fail(self, reason: str) -> None:
        """Count a request that was not answered with 200."""
        self.failures[reason] = self.failures.get(reason, 0) + 1


class Target:
    """Where the API is, and the key to it."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self._headers = f"Host: {parts.netloc}\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "")

    async def connect(self) -> Connection:
        """Open a connection."""
        return await asyncio.open_connection(self.host, self.port)

    def request(self, path: str) -> bytes:
        """Return a request's bytes."""
        return f"GET {path} HTTP/1.1\r\n{self._headers}\r\n".encode()


async def answer(connection: Connection, request: bytes) -> int:
    """Send a request, read its whole answer, and return the status."""
    reader, writer = connection
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    return int(head.split(b" ", 2)[1])


async def ask_steadily(target: Target, result: Result, *, rate: float, seconds: float) -> None:
    """Ask for a summary ``rate`` times a second."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await target.connect())
    request = target.request(SUMMARY)

    async def ask(due: float) -> None:
        connection = await free.get()
        try:
            status = await answer(connection, request)
        except (OSError, asyncio.IncompleteReadError) as error:
            result.fail(type(error).__name__)
            connection = await target.connect()
        else:
            if status == 200:
                result.latencies_ms.append((time.perf_counter() - due) * 1000)
            else:
                result.fail(str(status))
        free.put_nowait(connection)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(round(rate * seconds)):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(ask(due))


async def subscribe(target: Target, result: Result, ready: asyncio.Semaphore) -> None:
    """Follow events until cancelled, and count them."""
    reader, writer = await target.connect()
    writer.write(target.request(LIVE))
    number = 0
    try:
        async for line in reader:
            if line.startswith(b"event: ready"):
                ready.release()
            elif line.startswith(b"event: missed"):
                result.missed += 1
            elif line.startswith(b"event: "):
                number += 1
    finally:
        result.messages.append(number)
        writer.close()


async def measure(target: Target, *, subscribers: int, rate: float, seconds: float) -> Result:
    """Follow with ``subscribers``, ask meanwhile, and return what happened."""
    result, ready = Result(), asyncio.Semaphore(0)
    following = [asyncio.create_task(subscribe(target, result, ready)) for _ in range(subscribers)]
    for _ in following:
        await asyncio.wait_for(ready.acquire(), 10)
    await ask_steadily(target, result, rate=rate, seconds=seconds)
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    return result


def report(result: Result, *, rate: float, seconds: float) -> dict[str, object]:
    """Return the figures."""
    cuts = statistics.quantiles(result.latencies_ms, n=100)
    return {
        "summaries_per_s": round(len(result.latencies_ms) / seconds, 1),
        "asked_per_s": rate,
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "p99_ms": round(cuts[98], 1),
        "failures": result.failures,
        "subscribers": len(result.messages),
        "events_each": [min(result.messages, default=0), max(result.messages, default=0)],
        "told_they_missed": result.missed,
    }


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--key", default="")
    parser.add_argument("--subscribers", type=int, default=50)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    target = Target(options.url, options.key)
    run = measure(target, subscribers=options.subscribers, rate=options.rate, seconds=options.seconds)
    print(json.dumps(report(asyncio.run(run), rate=options.rate, seconds=options.seconds)))  # noqa: T201


if __name__ == "__main__":
    main()
