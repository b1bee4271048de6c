"""A worker without a model: the pipeline is the real one, its engine only takes a while, and dies of one face.

Run as `python -m tests.support.null_worker`; NULL_BATCH_MS is how long a batch takes.
"""

import os
import socket
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Final

import numpy as np

from moodline.broker import connect
from moodline.crop import CROP_SIDE
from moodline.manifest import ModelManifest, Training
from moodline.metrics import Metrics
from moodline.service import run_service
from moodline.settings import Settings
from worker.engines.base import Bucketed, Pixels, Probabilities
from worker.model import Classifier
from worker.pipeline import Pipeline

DEADLY: Final = bytes(range(CROP_SIDE)) * CROP_SIDE
"""The pixels of the face that kills; no other face of the tests grows lighter from left to right."""
DEADLY_EXIT: Final = 42

_TRAINING: Final = Training(
    recipe="none",
    seed=0,
    epochs=0,
    faces=0,
    labels="none",
    data="none",
    code_version="0",
    versions={},
    finished_at=datetime(2026, 1, 1, tzinfo=UTC),
    hours=0,
)


class NullEngine:
    name = "null"

    def __init__(self, batch_s: float) -> None:
        self._batch_s = batch_s

    def predict(self, pixels: Pixels) -> Probabilities:
        if (pixels == np.frombuffer(DEADLY, np.uint8).reshape(CROP_SIDE, CROP_SIDE)).all(axis=(1, 2)).any():
            os._exit(DEADLY_EXIT)
        time.sleep(self._batch_s)
        return np.full((len(pixels), 7), 1 / 7, np.float32)


def null_manifest() -> ModelManifest:
    return ModelManifest(
        schema=1,
        name="null",
        version=1,
        file="none",
        bytes=1,
        sha256="0" * 64,
        preprocessing="none",
        temperature=1,
        architecture="none",
        parameters=0,
        flops_per_face=0,
        training=_TRAINING,
        scores=(),
    )


def run(settings: Settings, stop: threading.Event) -> None:
    metrics = Metrics()
    metrics.serve(settings.worker.metrics_host, settings.worker.metrics_port)
    manifest = null_manifest()
    engine = NullEngine(float(os.environ.get("NULL_BATCH_MS", "5")) / 1000)
    classifier = Classifier(manifest, Bucketed(engine, settings.worker.batch_size), manifest.labels)
    name = f"{socket.gethostname()}-{os.getpid()}-{time.time_ns()}"
    Pipeline(connect(settings.redis), settings, classifier, worker=name, metrics=metrics, stop=stop).run()


if __name__ == "__main__":
    sys.exit(run_service("null", run))
