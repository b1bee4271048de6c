"""Times engines: ``python -m worker.engines.speed MODEL_FOLDER SECONDS`` prints faces a second of each as JSON.

A process of its own, for the trainer, which imports no worker.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from moodline.crop import CROP_SIDE
from worker.engines.answer import engines
from worker.engines.base import Pixels

_BATCH = 64


def random_faces(count: int) -> Pixels:
    """Return faces to time with, shape (count, 48, 48): what is in them costs nothing."""
    return np.random.default_rng(0).integers(0, 256, (count, CROP_SIDE, CROP_SIDE), np.uint8)


def faces_per_s(predict: Callable[[Pixels], object], faces: Pixels, seconds: float) -> float:
    """Return the rate over about that many seconds, at least two runs. What is timed should be warm."""
    runs, began = 0, time.perf_counter()
    while runs < 2 or time.perf_counter() - began < seconds:
        predict(faces)
        runs += 1
    return runs * len(faces) / (time.perf_counter() - began)


def main(folder: str, seconds: str) -> None:
    """Print the rates of all engines that can run a model here."""
    faces, rates = random_faces(_BATCH), {}
    for name, load in engines(Path(folder)).items():
        engine = load()
        engine.predict(faces)
        rates[name] = faces_per_s(engine.predict, faces, float(seconds))
    sys.stdout.write(json.dumps(rates) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
