"""A worker of which one part is known: without a model, or with one that only sleeps. A process, as a real one is."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Event
from typing import Any

import numpy as np

from moodline.broker import connect
from moodline.manifest import read_manifest
from moodline.metrics import Metrics
from moodline.settings import RedisSettings, Settings, WorkerSettings
from worker.engines.base import Bucketed, Pixels, Probabilities
from worker.engines.speed import faces_per_s, random_faces
from worker.model import Classifier, find_model, load_classifier
from worker.pipeline import Pipeline

_STARTED_WITHIN_S = 120.0
_STOPPED_WITHIN_S = 30.0
_BARE_S = 3.0


class NullEngine:
    """Says the same of every face, at once or after a while."""

    name = "null"

    def __init__(self, labels: int, *, batch_s: float = 0.0) -> None:
        self._row = np.full(labels, 0.05, np.float32)
        self._row[3] = 1 - 0.05 * (labels - 1)
        self._batch_s = batch_s

    def predict(self, pixels: Pixels) -> Probabilities:
        """Return probabilities of shape (N, labels)."""
        if self._batch_s:
            time.sleep(self._batch_s)
        return np.tile(self._row, (len(pixels), 1))


@dataclass(slots=True)
class RunningWorker:
    """A running worker. ``bare``: what its engine did alone, faces/s. ``cpu_s`` is known once it has stopped."""

    bare: float
    cpu_s: float | None = None


@contextmanager
def null_worker(
    redis: RedisSettings, *, batch_s: float = 0.0, batch_size: int | None = None, go: Event | None = None
) -> Iterator[RunningWorker]:
    """Run a worker without a model until the block ends. It takes crops as soon as it has started, or ``go`` is set."""
    settings = WorkerSettings() if batch_size is None else WorkerSettings(batch_size=batch_size)
    with _running(redis, partial(null_classifier, settings, batch_s), go) as running:
        yield running


@contextmanager
def real_worker(redis: RedisSettings) -> Iterator[RunningWorker]:
    """Run a worker with the shipped model; before it takes its first crop, its engine is measured alone."""
    with _running(redis, _shipped_classifier) as running:
        yield running


def null_classifier(settings: WorkerSettings, batch_s: float = 0.0) -> Classifier:
    """Return a classifier with the shipped model's labels and no model."""
    manifest = read_manifest(find_model(settings.model))
    engine = Bucketed(NullEngine(len(manifest.labels), batch_s=batch_s), settings.batch_size)
    return Classifier(manifest, engine, manifest.labels)


def _shipped_classifier() -> Classifier:
    return load_classifier(Settings().worker)


@contextmanager
def _running(redis: RedisSettings, load: Callable[[], Classifier], go: Event | None = None) -> Iterator[RunningWorker]:
    # A fresh interpreter, as a real worker is: nothing of the benchmark's own threads comes along.
    context = multiprocessing.get_context("spawn")
    stop, ours = context.Event(), context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(redis, load, stop, ours[1], go), name="worker")
    process.start()
    try:
        if not ours[0].poll(_STARTED_WITHIN_S):
            raise TimeoutError("the worker did not start")
        running = RunningWorker(ours[0].recv())
        yield running
        stop.set()
        if ours[0].poll(_STOPPED_WITHIN_S):
            running.cpu_s = ours[0].recv()
        process.join(_STOPPED_WITHIN_S)
    finally:
        process.kill()
        process.join()


def _work(
    redis: RedisSettings, load: Callable[[], Classifier], stopped: Any, connection: Any, go: Event | None
) -> None:
    settings, classifier = Settings(), load()
    size = classifier.engine.batch_size
    worker = settings.worker.model_copy(update={"batch_size": size})
    # Warm already: what loads a classifier runs every size once.
    bare = faces_per_s(classifier.predict, random_faces(size), _BARE_S) if load is _shipped_classifier else 0.0
    broker = connect(redis)
    stop = threading.Event()
    threading.Thread(target=_pass_on, args=(stopped, stop), daemon=True).start()
    name = multiprocessing.current_process().name
    pipeline = Pipeline(
        broker,
        settings.model_copy(update={"worker": worker}),
        classifier,
        worker=f"{name}-{time.time_ns()}",
        metrics=Metrics(),
        stop=stop,
    )
    connection.send(bare)
    if go is not None:
        go.wait()
    began = time.process_time()
    pipeline.run()
    connection.send(time.process_time() - began)
    broker.close()


def _pass_on(stopped: Any, stop: threading.Event) -> None:
    """Set this process's event when the parent's is set."""
    stopped.wait()
    stop.set()
