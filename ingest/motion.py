"""Skips pictures in which nothing has moved since the last one that was looked at."""

import math
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from ingest.sources.base import Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIZE: Final = (160, 90)
_BLUR: Final = (5, 5)
# In grey levels: a sensor's noise, averaged over some pixels, stays below.
_MOVED: Final = 12
# Faces in view are looked at this often however still they keep, lest their tracks count as left.
_KNOWN_S: Final = 0.5
_EMPTY_S: Final = 5.0


class MotionGate:
    """Compares each picture with the last that was let through; ``share`` None lets all through."""

    def __init__(self, share: float | None) -> None:
        self._share = share
        self._last: NDArray[np.uint8] | None = None
        self._last_s = -math.inf

    def lets_through(self, pixels: Pixels, at_s: float, *, faces: bool) -> bool:
        """Return whether ``pixels`` (height, width, 3) are worth a look.

        They are where more than the share of the picture has changed, or where the last look, which saw
        ``faces`` or none, was long ago. So slow moves add up until they are seen.
        """
        if self._share is None:
            return True
        seen = cv2.cvtColor(cv2.resize(pixels, _SIZE, interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2GRAY)
        seen = cv2.blur(seen, _BLUR)
        passed_s = at_s - self._last_s
        is_old = not 0.0 <= passed_s < (_KNOWN_S if faces else _EMPTY_S)
        if self._last is not None and not is_old:
            moved = cv2.absdiff(seen, self._last) > _MOVED
            if float(moved.mean()) <= self._share:
                return False
        self._last, self._last_s = seen.astype(np.uint8, copy=False), at_s
        return True
