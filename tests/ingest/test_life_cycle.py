"""Faces come, smile and go, through ingest, the queue and workers as processes, some of which are killed."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.ingest.service import SEAL_KEY, accepted, view
from tests.support.judging import all_events
from tests.support.needs import shared
from tests.support.wait import wait_until
from tests.support.workers import WorkerProcess, start_worker

Start = Callable[..., WorkerProcess]
NULL_WORKER = {"module": "tests.support.null_worker", "hand_lease": "1s", "batch_size": "8"}


@pytest.fixture
def start(embedded_server: EmbeddedServer) -> Iterator[Start]:
    """Start workers that open what the ingest of this test seals."""
    started: list[WorkerProcess] = []

    def start_one(**settings: str) -> WorkerProcess:
        started.append(start_worker(embedded_server, SEAL_KEY, **settings))
        return started[-1]

    yield start_one
    for worker in started:
        worker.end()


def test_every_face_that_entered_leaves_once_whatever_is_killed(run: Any, broker: Broker, start: Start) -> None:
    cameras = ("killed", "removed", "quiet")
    doomed, _ = (start(**NULL_WORKER) for _ in range(2))
    with run(dict.fromkeys(cameras, "demo")) as ingest:
        wait_until(lambda: all(_entered(broker, name, 1) for name in cameras), description="faces", timeout=40)
        os.kill(ingest.capture_pid("killed"), signal.SIGKILL)
        doomed.signal(signal.SIGKILL)
        broker.run("remove", broker.keys_of("removed"), stream="removed", limit=500, feed_max=100_000)
        for name in ("killed", "removed"):
            wait_until(partial(_entered, broker, name, 2), description=f"a new reader of {name}", timeout=30)
        assert ingest.stop() == 0
    wait_until(lambda: _open_faces(broker) == set(), description="every face has left", timeout=20)
    assert not _entered(broker, "quiet", 2), "what happens to others does not touch it"


def _entered(broker: Broker, stream: str, times: int) -> bool:
    kinds = [event.kind for event in all_events(broker) if event.stream == stream]
    return kinds.count("face_entered") >= times


def _open_faces(broker: Broker) -> set[tuple[str, str]]:
    """Return the faces that are in view; none enters or leaves twice in a row."""
    lives: dict[tuple[str, str], list[str]] = {}
    for event in all_events(broker):
        if event.kind in {"face_entered", "face_left"}:
            lives.setdefault((event.stream, event.track), []).append(event.kind)
    for life in lives.values():
        assert life[0] == "face_entered"
        assert all(before != after for before, after in pairwise(life))
    return {face for face, life in lives.items() if life[-1] == "face_entered"}


def test_a_smile_is_told_exactly_once(run: Any, broker: Broker, start: Start) -> None:
    start()
    smile = str(shared("data/media/fer_test.mp4"))
    with run({"smile": {"url": smile, "start_at": "2024-01-01T00:00:00Z"}}):
        wait_until(lambda: accepted(broker, "smile") == 115, description="the film is read", timeout=60)
        wait_until(partial(_is_done, broker), description="all is judged", timeout=90)
    changes = [event for event in all_events(broker) if event.kind == "emotion_changed"]
    (to_happy,) = [event for event in changes if event.emotion == "happy"]
    assert to_happy == changes[-1]
    assert to_happy.captured_at.second in {1, 2}, "the smile sets in after a second"


def _is_done(broker: Broker) -> bool:
    found = view(broker, "smile")
    return found is not None and found.ledger.queued == 0
