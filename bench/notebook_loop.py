"""The original notebook's loop, step by step: Haar on every full frame, one ``model.predict`` a face.

It runs in a process of its own, which keeps TensorFlow's threads away from the other side of the measurement.
"""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import cv2.data
import numpy as np

from bench.faces import Boxes, Rectangle
from bench.keras_model import load_keras_model

_CASCADE = "haarcascade_frontalface_default.xml"
_SIDE = 48


@dataclass(slots=True)
class LoopRun:
    """What the loop did: seconds from its first to its last frame, boxes by frame number."""

    frames: int = 0
    seconds: float = 0.0
    faces: Boxes = field(default_factory=dict)


class NotebookLoop:
    """The loop in its process, with the model loaded and warm."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def run(self, clip: Path, *, most_frames: int | None = None) -> LoopRun:
        """Run over a clip, or over the first frames of it."""
        return self._executor.submit(_loop, str(clip), most_frames).result()


@contextmanager
def notebook_loop() -> Iterator[NotebookLoop]:
    """Start the loop's process, which ends with the block."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_load) as executor:
        executor.submit(_warm_up).result()
        yield NotebookLoop(executor)


class _Loaded:
    """What the process keeps from one run to the next."""

    model: Any = None
    cascade: Any = None


def _load() -> None:
    _Loaded.model = load_keras_model()
    _Loaded.cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / _CASCADE))


def _warm_up() -> None:
    _Loaded.model.predict(np.zeros((1, _SIDE, _SIDE, 1), np.float32), verbose=0)


def _loop(clip: str, most_frames: int | None) -> LoopRun:
    run = LoopRun()
    capture = cv2.VideoCapture(clip)
    began = time.perf_counter()
    while most_frames is None or run.frames < most_frames:
        ok, frame = capture.read()
        if not ok:
            break
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        found: list[Rectangle] = []
        for x, y, width, height in _Loaded.cascade.detectMultiScale(grey):
            face = cv2.resize(grey[y : y + height, x : x + width], (_SIDE, _SIDE))
            prediction = _Loaded.model.predict(face.reshape(1, _SIDE, _SIDE, 1).astype(np.float32), verbose=0)
            int(np.argmax(prediction))
            found.append((float(x), float(y), float(width), float(height)))
        run.faces[run.frames] = found
        run.frames += 1
    run.seconds = time.perf_counter() - began
    capture.release()
    return run
