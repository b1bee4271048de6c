"""Which looks at a face are worth a classification: so many a second, and sooner those that show something new."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.rate import Rate
from moodline.crop import CROP_SIDE

SOONER: Final = 3.0
"""A face that shows something new is classified up to this many times as often."""
# Of faces that keep still, two looks a second apart differ by at most 0.1; a smile that begins differs by 0.25.
_CHANGED: Final = 0.15
_GROWN: Final = 1.5
# Compression and small moves alone change the sharpness by half.
_SHARPER: Final = 2.0
_BLUR: Final = 2.0
# The crop's rim is hair and background.
_INNER: Final = slice(CROP_SIDE // 8, -CROP_SIDE // 8)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a crop shows: brightness of the blurred face, mean 0 and deviation 1; its sharpness; the face's area."""

    pattern: NDArray[np.float32]
    sharpness: float
    area: float

    def tells_more_than(self, last: "_Look") -> bool:
        """Return whether the face has changed, or is larger or sharper than in the ``last`` look."""
        change = 1.0 - float(np.mean(self.pattern * last.pattern))
        return change > _CHANGED or self.area > _GROWN * last.area or self.sharpness > _SHARPER * last.sharpness


class CropBudget:
    """The classification budget of one track; None classifies every crop."""

    def __init__(self, per_second: float | None) -> None:
        self._interval_s = 1.0 / per_second if per_second else 0.0
        self._rate = Rate(per_second)
        self._taken: _Look | None = None
        self._taken_s = -math.inf

    def takes(self, at_s: float, pixels: bytes, *, area: float) -> bool:
        """Return whether the crop of the stream's second ``at_s`` is to be classified, and count it if so.

        ``pixels`` are its 48x48 grey bytes, ``area`` the face's in square pixels of the frame.
        """
        if not self._interval_s:
            return True
        if self._rate.is_due(at_s):
            return self._take(_look(pixels, area), at_s)
        if self._taken is None or at_s - self._taken_s < self._interval_s / SOONER:
            return False
        look = _look(pixels, area)
        if not look.tells_more_than(self._taken):
            return False
        self._rate.restart(at_s)
        return self._take(look, at_s)

    def _take(self, look: _Look, at_s: float) -> bool:
        self._taken, self._taken_s = look, at_s
        return True


def _look(pixels: bytes, area: float) -> _Look:
    grey = np.frombuffer(pixels, np.uint8).reshape(CROP_SIDE, CROP_SIDE)
    inner = cv2.GaussianBlur(grey, (0, 0), _BLUR)[_INNER, _INNER].astype(np.float32)
    pattern = (inner - inner.mean()) / max(float(inner.std()), 1.0)
    # One grey level of noise, so that a face in the dark is not endlessly sharper than the one before it.
    return _Look(pattern, float(cv2.Laplacian(grey, cv2.CV_16S).var()) + 1.0, area)
