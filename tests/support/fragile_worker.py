"""A worker whose model dies of one face: the pipeline is the real one, only the network is not.

Run as `python -m tests.support.fragile_worker`; every pixel of the deadly face is 13.
"""

import os
import sys
import threading

import numpy as np

from moodline.broker import connect
from moodline.metrics import Metrics
from moodline.service import run_service
from moodline.settings import Settings
from worker.engines.base import Bucketed, Pixels, Probabilities
from worker.model import Classifier, find_model
from worker.pipeline import Pipeline

DEADLY = 13


class FragileEngine:
    name = "fragile"

    def predict(self, pixels: Pixels) -> Probabilities:
        if (pixels == DEADLY).all(axis=(1, 2)).any():
            os._exit(42)
        return np.full((len(pixels), 7), 1 / 7, np.float32)


def run(settings: Settings, stop: threading.Event) -> None:
    from moodline.manifest import read_manifest

    manifest = read_manifest(find_model("vgg11-ferplus"))
    classifier = Classifier(manifest, Bucketed(FragileEngine(), settings.worker.batch_size), manifest.labels)
    broker = connect(settings.redis)
    Pipeline(broker, settings, classifier, worker=f"fragile-{os.getpid()}", metrics=Metrics(), stop=stop).run()


if __name__ == "__main__":
    sys.exit(run_service("fragile", run))
