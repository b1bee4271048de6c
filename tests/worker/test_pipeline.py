"""The worker's pipeline in this process, with a network that is told what to do; the queue is real."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moodline.broker import Broker
from moodline.crop import CROP_BYTES
from moodline.crop_queue import Reader
from moodline.embedded import EmbeddedServer
from moodline.emotions import EMOTIONS
from moodline.errors import BrokerUnavailableError
from moodline.manifest import read_manifest
from moodline.metrics import Metrics
from moodline.settings import Settings
from moodline.streams import Ledger, stream_view
from moodline.tracing import Tracing
from tests.support.brokers import broker_on, client_of, frame_of, live_stream
from tests.support.judging import emotion_ids, take_one, work_queue
from tests.support.wait import wait_until
from worker.engines.base import Bucketed, Pixels, Probabilities
from worker.model import Classifier, find_model
from worker.pipeline import Pipeline


@dataclass
class ToldEngine:
    """Answers `happy` to every face, when `gate` is open; remembers the first pixel of each face of each batch."""

    gate: threading.Event = field(default_factory=threading.Event)
    batches: list[list[int]] = field(default_factory=list)
    name: str = "told"

    def predict(self, pixels: Pixels) -> Probabilities:
        self.batches.append([int(face[0, 0]) for face in pixels if face[0, 0]])
        self.gate.wait(20)
        answer = np.full((len(pixels), len(EMOTIONS)), 0.01, np.float32)
        answer[:, EMOTIONS.index("happy")] = 0.94
        return answer


@dataclass
class Running:
    stop: threading.Event
    thread: threading.Thread
    failures: list[BaseException]

    def end(self, timeout: float = 10) -> None:
        self.stop.set()
        self.thread.join(timeout)


Run = Callable[..., tuple[ToldEngine, Running]]


@pytest.fixture
def run(broker: Broker) -> Iterator[Run]:
    started: list[tuple[ToldEngine, Running]] = []

    def start(on: Broker = broker, *, open_gate: bool = True, **settings: Any) -> tuple[ToldEngine, Running]:
        engine = ToldEngine()
        if open_gate:
            engine.gate.set()
        started.append((engine, start_pipeline(on, engine, **settings)))
        return started[-1]

    yield start
    for engine, running in started:
        engine.gate.set()
        running.end()


def start_pipeline(broker: Broker, engine: ToldEngine, *, tracing: Tracing | None = None, **settings: Any) -> Running:
    manifest = read_manifest(find_model("vgg11-ferplus"))
    checked = Settings.model_validate({"worker": {"batch_size": 8, **settings}})
    stop, failures = threading.Event(), []
    classifier = Classifier(manifest, Bucketed(engine, checked.worker.batch_size), manifest.labels)
    pipeline = Pipeline(broker, checked, classifier, worker="w", metrics=Metrics(), stop=stop, tracing=tracing)

    def guarded() -> None:
        try:
            pipeline.run()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    return Running(stop, thread, failures)


def reader_of(broker: Broker, stream: str, *, run: str | None = None, **settings: Any) -> Reader:
    return Reader.acquire(
        broker,
        live_stream(stream, **settings),
        owner="host",
        lease=timedelta(seconds=60),
        recorded=run is not None,
        run=run,
    )


def ledger_of(broker: Broker, stream: str) -> Ledger:
    view = stream_view(broker, stream)
    assert view is not None
    assert view.ledger.balanced, view.ledger
    return view.ledger


def done(broker: Broker, *streams: str) -> bool:
    return all(ledger_of(broker, stream).queued == 0 for stream in streams)


def pixels_of(value: int) -> bytes:
    return bytes([value]) * CROP_BYTES


def test_a_batch_is_full_where_enough_waits_and_goes_at_its_deadline_where_not(broker: Broker, run: Run) -> None:
    film = reader_of(broker, "film", run="f")
    for number in range(20):
        film.enqueue(frame_of(number, pixels=pixels_of(number + 1)), age_ms=0)
    engine, _ = run()
    wait_until(lambda: done(broker, "film"), description="all are judged")
    assert engine.batches == [list(range(1, 9)), list(range(9, 17)), list(range(17, 21))]


def test_a_crop_that_gets_stale_beside_a_slow_model_is_dropped_before_it_meets_the_model(
    broker: Broker, run: Run
) -> None:
    film, live = reader_of(broker, "film", run="f"), reader_of(broker, "live", max_age="1s")
    film.enqueue(frame_of(0, pixels=pixels_of(1)), age_ms=0)
    engine, _ = run(open_gate=False)
    wait_until(lambda: engine.batches, description="a batch is in inference")
    live.enqueue(frame_of(0, pixels=pixels_of(2)), age_ms=0)
    wait_until(lambda: client_of(broker).keys("*hand:live"), description="the next one is fetched meanwhile")
    wait_until(lambda: oldest_age_ms(broker, "live") > 1100, description="its crop got too old")
    engine.gate.set()
    wait_until(lambda: done(broker, "film", "live"), description="both are ended")
    assert engine.batches == [[1]]
    assert ledger_of(broker, "live").dropped["stale"] == 1
    assert ledger_of(broker, "film").events == 1


def oldest_age_ms(broker: Broker, stream: str) -> float:
    name = broker.keys_of(stream).of_stream("queue", stream)
    entries: Any = client_of(broker).xrange(name, count=1)
    seconds, micros = client_of(broker).time()
    return seconds * 1000 + micros / 1000 - int(entries[0][0].split(b"-")[0]) if entries else 1e9


def test_suspects_run_alone_and_soon_however_busy_the_worker_is(broker: Broker, run: Run) -> None:
    film = reader_of(broker, "film", run="f")
    for number in range(3):
        film.enqueue(frame_of(number, pixels=pixels_of(200 + number)), age_ms=0)
    take_one(work_queue(broker, "dead", lease_s=0.1, stream="film"))
    busy = [reader_of(broker, f"busy-{number}", max_age="1h", max_crops=100_000) for number in range(4)]
    stop, number = threading.Event(), 0

    def load() -> None:
        nonlocal number
        while not stop.wait(0.005):
            number += 1
            for reader in busy:
                reader.enqueue(frame_of(number, faces=2, pixels=pixels_of(1)), age_ms=0)

    loader = threading.Thread(target=load)
    loader.start()
    try:
        engine, _ = run()
        wait_until(lambda: done(broker, "film"), description="the suspects are done under load", timeout=20)
    finally:
        stop.set()
        loader.join()
    with_suspects = [batch for batch in engine.batches if max(batch, default=0) >= 200]
    assert with_suspects == [[200], [201], [202]]


def test_a_worker_outlives_a_redis_that_hangs_while_crops_get_stale(tmp_path: Path, run: Run) -> None:
    with EmbeddedServer(directory=tmp_path) as server:
        broker = broker_on(server, socket_timeout="1.5s")
        engine, running = run(broker, open_gate=False)
        live = reader_of(broker, "live", max_age="1s")
        live.enqueue(frame_of(0), age_ms=0)
        wait_until(lambda: client_of(broker).keys("*hand:live"), description="the crop is in work")
        live.enqueue(frame_of(1), age_ms=0)
        wait_until(lambda: oldest_age_ms(broker, "live") > 1200, description="the crops got too old")
        os.kill(server.pid, signal.SIGSTOP)
        engine.gate.set()
        with pytest.raises(BrokerUnavailableError):
            live.renew()
        os.kill(server.pid, signal.SIGCONT)
        wait_until(lambda: done(broker, "live"), description="the worker goes on", timeout=15)
        fresh = frame_of(2)
        live.enqueue(fresh, age_ms=0)
        wait_until(lambda: live.crop_id(2, 0) in emotion_ids(broker), description="a new event", timeout=15)
        assert not running.failures
        running.end()
        broker.close()


def test_a_stop_while_redis_hangs_takes_less_than_ten_seconds(tmp_path: Path, run: Run) -> None:
    with EmbeddedServer(directory=tmp_path) as server:
        broker = broker_on(server)
        engine, running = run(broker, open_gate=False)
        reader_of(broker, "film", run="f").enqueue(frame_of(0), age_ms=0)
        wait_until(lambda: client_of(broker).keys("*hand:film"), description="the crop is in work")
        os.kill(server.pid, signal.SIGSTOP)
        engine.gate.set()
        began = time.monotonic()
        running.end(timeout=12)
        took = time.monotonic() - began
        os.kill(server.pid, signal.SIGCONT)
        assert not running.thread.is_alive()
        assert took < 10.5
        ledger = ledger_of(broker, "film")
        assert ledger.events + ledger.queued == 1, "committed after all, or left to the next worker"
        broker.close()


def test_a_worker_serves_all_partitions(tmp_path: Path, run: Run) -> None:
    with EmbeddedServer(directory=tmp_path) as server:
        broker = broker_on(server, partitions=3)
        streams = [f"stream-{number}" for number in range(6)]
        for stream in streams:
            reader = reader_of(broker, stream, run="f")
            for number in range(10):
                reader.enqueue(frame_of(number, faces=2), age_ms=0)
        _, running = run(broker)
        wait_until(lambda: done(broker, *streams), description="all streams are done")
        assert all(ledger_of(broker, stream).events == 20 for stream in streams)
        running.end()
        broker.close()


def test_suspects_of_two_partitions_are_never_tried_together(tmp_path: Path, run: Run) -> None:
    """Both would count a death, and one of them would be innocent."""
    with EmbeddedServer(directory=tmp_path) as server:
        broker = broker_on(server, partitions=2)
        in_partition = {broker.keys_of(f"stream-{number}"): f"stream-{number}" for number in range(9)}
        streams = list(in_partition.values())
        assert len(streams) == 2
        for number, stream in enumerate(streams):
            reader_of(broker, stream, run="f").enqueue(frame_of(0, faces=2, pixels=pixels_of(200 + number)), age_ms=0)
            take_one(work_queue(broker, "dead", lease_s=0.1, stream=stream))
        engine, _ = run(broker, open_gate=False)
        attempts = {broker.keys_of(stream).of_stream("attempts", stream) for stream in streams}
        (tried,) = wait_until(lambda: client_of(broker).keys("*attempts*"), description="a suspect is tried")
        (idle,) = attempts - {tried.decode()}
        let_sweep(broker, times=2)
        assert not client_of(broker).exists(idle), "while one is tried, the other one waits"
        engine.gate.set()
        wait_until(lambda: done(broker, *streams), description="both are done")
        assert sorted(max(batch) for batch in engine.batches) == [200, 200, 201, 201]
        assert all(len(batch) == 1 for batch in engine.batches)
        broker.close()


def let_sweep(broker: Broker, *, times: int) -> None:
    """Wait until the worker has swept its partitions some times, which it does once a second."""
    for _ in range(times):
        wait_until(partial(has_swept_since, broker, swept_at(broker)), description="the worker sweeps")


def swept_at(broker: Broker) -> Any:
    names = [keys.of_partition("streams") for keys in broker.all_keys()]
    return [client_of(broker).zrange(name, 0, -1, withscores=True) for name in names]


def has_swept_since(broker: Broker, before: Any) -> bool:
    return all(now != was for now, was in zip(swept_at(broker), before, strict=True))


def test_a_network_that_fails_ends_the_worker_and_loses_nothing(
    broker: Broker, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_engine: ToldEngine, _pixels: Pixels) -> Probabilities:
        raise RuntimeError("the GPU has gone")

    monkeypatch.setattr(ToldEngine, "predict", fail)
    reader_of(broker, "film", run="f").enqueue(frame_of(0, faces=3), age_ms=0)
    _, running = run()
    running.thread.join(10)
    assert [str(error) for error in running.failures] == ["the GPU has gone"]
    assert ledger_of(broker, "film").queued == 3
