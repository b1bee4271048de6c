"""Times engines: ``python -m worker.engines.speed MODEL_FOLDER SECONDS`` prints faces a second of each as JSON.

A process of its own, for the trainer, which imports no worker.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from worker.engines.answer import engines
from worker.engines.base import Engine

_BATCH = 64


def faces_per_s(engine: Engine, seconds: float) -> float:
    """Return the rate of an engine on full batches of random faces, warmed, over about that many seconds."""
    faces = np.random.default_rng(0).integers(0, 256, (_BATCH, 48, 48), np.uint8)
    engine.predict(faces)
    runs, began = 0, time.perf_counter()
    while not runs or time.perf_counter() - began < seconds:
        engine.predict(faces)
        runs += 1
    return runs * _BATCH / (time.perf_counter() - began)


def main(folder: str, seconds: str) -> None:
    """Print the rates of all engines that can run a model here."""
    rates = {name: faces_per_s(load(), float(seconds)) for name, load in engines(Path(folder)).items()}
    sys.stdout.write(json.dumps(rates) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
