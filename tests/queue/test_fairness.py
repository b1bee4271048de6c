"""A stream with thirty faces beside one with a single face, through the real queue and a real, slow worker."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.embedded import EmbeddedServer
from moodline.sealing import new_key
from tests.support.brokers import broker_on, frame_of, live_stream
from tests.support.judging import all_events
from tests.support.queues import LEASE, ledger_of
from tests.support.wait import wait_until
from tests.support.workers import start_worker

FPS = 10
SECONDS = 3
CROWD = 30
BATCH = 16
BATCH_MS = 100
"""So a worker manages 160 crops a second, and the crowd brings 300."""


@pytest.fixture
def slow_worker_broker(embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """A broker on an empty server on which one slow worker works."""
    key = new_key()
    broker = broker_on(embedded_server, seal_key=key)
    broker.client.flushall()
    monkeypatch.setenv("NULL_BATCH_MS", str(BATCH_MS))
    worker = start_worker(embedded_server, key, module="tests.support.null_worker", batch_size=str(BATCH))
    try:
        worker.wait_ready()
        yield broker
    finally:
        worker.end()
        broker.close()


@dataclass(frozen=True)
class Share:
    """What a stream got: 95 of 100 of its events came within that time, and so much of it became events at all."""

    p95_ms: float
    delivered: float


def play(broker: Broker, faces: dict[str, int]) -> dict[str, Share]:
    """Let streams of so many faces a frame run side by side, and return what each got."""
    readers = {
        name: Reader.acquire(broker, live_stream(name), owner="h", lease=LEASE, recorded=False) for name in faces
    }
    began_s = time.monotonic()
    for number in range(FPS * SECONDS):
        time.sleep(max(0.0, began_s + number / FPS - time.monotonic()))
        for name, reader in readers.items():
            reader.enqueue(frame_of(number, faces=faces[name], tracks=name), age_ms=0)
    for name in faces:
        wait_until(lambda name=name: ledger_of(broker, name).queued == 0, description="all is done")  # type: ignore[misc]
    return {name: share_of(broker, name) for name in faces}


def share_of(broker: Broker, stream: str) -> Share:
    mine = [event for event in all_events(broker) if event.stream == stream and event.kind == "emotion"]
    ages = [event.latency_ms["committed"] for event in mine if event.latency_ms]
    ledger = ledger_of(broker, stream)
    return Share(float(np.percentile(ages, 95)), ledger.events / ledger.accepted)


def test_thirty_faces_do_not_starve_a_single_one(slow_worker_broker: Broker) -> None:
    alone = play(slow_worker_broker, {"alone": 1})["alone"]
    beside = play(slow_worker_broker, {"crowd": CROWD, "quiet": 1})
    quiet, crowd = beside["quiet"], beside["crowd"]
    assert crowd.delivered < 0.95, "the worker is really too slow for the crowd"
    assert crowd.p95_ms > 2 * quiet.p95_ms
    assert min(alone.delivered, quiet.delivered) > 0.9
    assert quiet.p95_ms < 4 * alone.p95_ms
