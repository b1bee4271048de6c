"""A worker whose model costs nothing: what is left is the queue. It runs as a process, as a real one does."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from moodline.broker import connect
from moodline.manifest import read_manifest
from moodline.metrics import Metrics
from moodline.settings import RedisSettings, Settings
from worker.engines.base import Bucketed, Pixels, Probabilities
from worker.model import Classifier, find_model
from worker.pipeline import Pipeline

_STARTED_WITHIN_S = 60.0
_STOPPED_WITHIN_S = 30.0


class NullEngine:
    """Says the same of every face, at once."""

    name = "null"

    def __init__(self, labels: int) -> None:
        self._row = np.full(labels, 0.05, np.float32)
        self._row[3] = 1 - 0.05 * (labels - 1)

    def predict(self, pixels: Pixels) -> Probabilities:
        """Return probabilities of shape (N, labels)."""
        return np.tile(self._row, (len(pixels), 1))


@dataclass(slots=True)
class RunningWorker:
    """A running null worker; ``cpu_s`` is known once it has stopped."""

    cpu_s: float | None = None


@contextmanager
def null_worker(redis: RedisSettings) -> Iterator[RunningWorker]:
    """Run a null worker until the block ends. It takes crops as soon as it has started."""
    # A fresh interpreter, as a real worker is: nothing of the benchmark's own threads comes along.
    context = multiprocessing.get_context("spawn")
    stop, ours = context.Event(), context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(redis, stop, ours[1]), name="null-worker")
    running = RunningWorker()
    process.start()
    try:
        if not ours[0].poll(_STARTED_WITHIN_S):
            raise TimeoutError("the null worker did not start")
        ours[0].recv()
        yield running
        stop.set()
        if ours[0].poll(_STOPPED_WITHIN_S):
            running.cpu_s = ours[0].recv()
        process.join(_STOPPED_WITHIN_S)
    finally:
        process.kill()
        process.join()


def null_classifier() -> Classifier:
    """Return a classifier with the shipped model's labels and no model."""
    settings = Settings().worker
    manifest = read_manifest(find_model(settings.model))
    engine = Bucketed(NullEngine(len(manifest.labels)), settings.batch_size)
    return Classifier(manifest, engine, manifest.labels)


def _work(redis: RedisSettings, stopped: Any, connection: Any) -> None:
    settings = Settings()
    classifier = null_classifier()
    broker = connect(redis)
    stop = threading.Event()
    threading.Thread(target=_pass_on, args=(stopped, stop), daemon=True).start()
    pipeline = Pipeline(broker, settings, classifier, worker="null", metrics=Metrics(), stop=stop)
    connection.send("ready")
    began = time.process_time()
    pipeline.run()
    connection.send(time.process_time() - began)
    broker.close()


def _pass_on(stopped: Any, stop: threading.Event) -> None:
    """Set this process's event when the parent's is set."""
    stopped.wait()
    stop.set()
