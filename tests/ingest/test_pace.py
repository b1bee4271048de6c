"""Workers that are slower than a stream: ingest looks less often, says so, and looks as often as before afterwards."""

from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from ingest.pace import LEAST, Pace
from moodline.broker import Broker
from moodline.crop_queue import Enqueued
from moodline.embedded import EmbeddedServer
from tests.ingest.service import SEAL_KEY, Ingest, view
from tests.support.wait import wait_until
from tests.support.workers import WorkerProcess, start_worker

MAX_AGE_S = 2.0
FPS = 5.0
BATCH = 8
TICK_S = 0.02


class Street:
    """A stream of ``faces`` faces a frame and a worker of so many crops a second, on a clock of their own."""

    def __init__(self, faces: int) -> None:
        self.pace = Pace(max_age_s=MAX_AGE_S, began_s=0.0)
        self.now_s = 0.0
        self.shares: list[float] = []
        self.ages_s: list[float] = []
        self.judged = 0
        self.lost = 0
        self._faces = faces
        self._due_s = 0.0
        self._queue: deque[float] = deque()
        self._batch: list[float] = []
        self._batch_done_s = 0.0

    def run(self, seconds: float, *, crops_per_second: float) -> None:
        self.shares.clear()
        self.ages_s.clear()
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            self.shares.append(self.pace.step(self.now_s))
            if self.now_s >= self._due_s:
                self._due_s = self.now_s + 1 / (FPS * self.shares[-1])
                self._frame()
            if self.now_s >= self._batch_done_s:
                self._work(crops_per_second)

    def _frame(self) -> None:
        waiting = [*self._batch, *self._queue]
        waited_ms = round((self.now_s - waiting[0]) * 1000) if waiting else 0
        self._queue.extend([self.now_s] * self._faces)
        queued = len(waiting) + self._faces
        self.pace.took(Enqueued("accepted", self._faces, 0, queued, waited_ms, self.judged, self.lost), self.now_s)

    def _work(self, crops_per_second: float) -> None:
        self.judged += len(self._batch)
        self.ages_s += [self.now_s - at_s for at_s in self._batch]
        while self._queue and self.now_s - self._queue[0] > MAX_AGE_S:
            self._queue.popleft()
            self.lost += 1
        self._batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        self._batch_done_s = self.now_s + len(self._batch) / crops_per_second


@pytest.mark.parametrize(("faces", "crops_per_second"), [(4, 10), (4, 6), (1, 3), (30, 60)])
def test_a_stream_settles_at_what_the_workers_manage(faces: int, crops_per_second: float) -> None:
    street = Street(faces)
    street.run(20, crops_per_second=crops_per_second)
    street.run(60, crops_per_second=crops_per_second)
    managed = crops_per_second / (faces * FPS)
    mean = sum(street.shares) / len(street.shares)
    assert 0.75 * managed < mean < 1.1 * managed
    assert max(street.shares) - min(street.shares) < managed, "it does not swing"
    judged_late = sum(age_s > MAX_AGE_S for age_s in street.ages_s)
    assert judged_late < len(street.ages_s) / 10
    changes = [after - before for before, after in pairwise(street.shares) if after != before]
    turns = sum((one > 0) != (two > 0) for one, two in pairwise(changes))
    assert turns <= 20, "a change of direction in three seconds at the most"


def test_fast_workers_leave_a_stream_its_whole_rate() -> None:
    street = Street(faces=4)
    street.run(60, crops_per_second=100)
    assert set(street.shares) == {1.0}


def test_it_is_back_soon_after_the_workers_and_never_gives_up() -> None:
    street = Street(faces=4)
    street.run(30, crops_per_second=0.5)
    assert street.shares[-1] == pytest.approx(LEAST, abs=0.1)
    assert min(street.shares) >= LEAST
    street.run(20, crops_per_second=100)
    assert street.shares[-1] == 1.0


@pytest.fixture
def slow_worker(embedded_server: EmbeddedServer) -> Iterator[Any]:
    """Start workers whose batches of one crop take so long."""
    started: list[WorkerProcess] = []

    def start(batch_ms: int, monkeypatch: pytest.MonkeyPatch) -> WorkerProcess:
        monkeypatch.setenv("NULL_BATCH_MS", str(batch_ms))
        started.append(start_worker(embedded_server, SEAL_KEY, module="tests.support.null_worker", batch_size="1"))
        return started[-1]

    yield start
    for worker in started:
        worker.end()


def test_a_slow_worker_slows_the_stream_down_which_says_so_and_a_fast_one_brings_it_back(
    run: Any, broker: Broker, slow_worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = slow_worker(100, monkeypatch)
    with run({"cam": {"url": "demo", "fps": 20, "max_age": "1s"}}) as ingest:
        wait_until(lambda: _share(ingest) < 0.7, description="it is looked at less often", timeout=45)
        told = wait_until(lambda: _slowed(broker), description="it says so", timeout=5)
        assert "instead of 20 times a second" in told
        assert "The workers are slower than stream cam" in ingest.log()
        slow.end()
        slow_worker(1, monkeypatch)
        wait_until(lambda: _share(ingest) == 1.0, description="its whole rate is back", timeout=45)
        wait_until(lambda: not _slowed(broker), description="nothing more is said of it", timeout=5)
        assert "The workers keep up with stream cam again." in ingest.log()
        skipped = ingest.metrics()['moodline_skipped_total{reason="rate",stream="cam"}']
        assert skipped > 10


def _share(ingest: Ingest) -> float:
    try:
        return ingest.metrics()['moodline_rate_share{stream="cam"}']
    except (OSError, KeyError):
        return 1.0


def _slowed(broker: Broker) -> str:
    found = view(broker, "cam")
    sentence = found.status.sentence if found and found.status else ""
    return sentence if "The workers are slower than this stream" in sentence else ""
