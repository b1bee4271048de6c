"""What every inference engine does."""

import bisect
from typing import Protocol

import numpy as np
import numpy.typing as npt

from moodline.crop import CROP_SIDE

Pixels = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]


class Engine(Protocol):
    """Runs one model. Not safe for two threads at once."""

    @property
    def name(self) -> str:
        """The engine and its precision, such as ``openvino-bf16``."""

    def predict(self, pixels: Pixels) -> Probabilities:
        """Return calibrated probabilities, shape (N, labels), for grey faces of shape (N, 48, 48), values 0..255."""


def bucket_sizes(batch_size: int) -> list[int]:
    """Return the batch sizes that an engine is warmed for: powers of two up to ``batch_size``, and itself."""
    sizes = [1 << power for power in range(batch_size.bit_length()) if 1 << power < batch_size]
    return [*sizes, batch_size]


class Bucketed:
    """Pads batches to a few fixed sizes, so that no size meets a cold code path in the middle of the work."""

    def __init__(self, engine: Engine, batch_size: int) -> None:
        self._engine = engine
        self.batch_size = batch_size
        self._sizes = bucket_sizes(batch_size)

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._engine.name

    def warm_up(self) -> None:
        """Run every size once, before the worker says that it is ready."""
        for size in self._sizes:
            self._engine.predict(np.zeros((size, CROP_SIDE, CROP_SIDE), np.uint8))

    def predict(self, pixels: Pixels) -> Probabilities:
        """Return probabilities of shape (N, labels); N up to the batch size."""
        count = len(pixels)
        size = self._sizes[min(bisect.bisect_left(self._sizes, count), len(self._sizes) - 1)]
        if size > count:
            pixels = np.concatenate([pixels, np.zeros((size - count, *pixels.shape[1:]), pixels.dtype)])
        return self._engine.predict(pixels)[:count]
