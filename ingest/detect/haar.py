"""The Haar cascade of opencv-python-headless 4.x: the fallback where YuNet's model cannot be had."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import cv2.data

from ingest.detect.base import Detection
from ingest.sources.base import Pixels
from moodline.errors import ModelError

_CASCADE: Final = "haarcascade_frontalface_default.xml"
_SCALE_STEP: Final = 1.2
_MIN_NEIGHBOURS: Final = 5
_LEAST_FACE: Final = 30
# The cascade answers with squares around eyes and mouth. These are the medians over 60 faces that
# YuNet found too; with them both detectors mean the same box, from forehead to chin, and one crop
# margin fits both.
_WIDTH: Final = 0.83
_HEIGHT: Final = 1.13
_SHIFT: Final = 0.02
_SCORE: Final = 1.0


class Haar:
    """The frontal-face cascade. It knows no scores: every face has 1.0."""

    def __init__(self) -> None:
        path = Path(cv2.data.haarcascades) / _CASCADE
        self._cascade = cv2.CascadeClassifier(str(path))
        if self._cascade.empty():
            raise ModelError(f"OpenCV has no {path}: install opencv-python-headless 4.x (5 no longer ships it).")

    @property
    def least_face(self) -> int:
        """The size from which on it looks for faces."""
        return _LEAST_FACE

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        """Return the faces in ``pixels``."""
        grey = cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))
        squares = self._cascade.detectMultiScale(
            grey, scaleFactor=_SCALE_STEP, minNeighbors=_MIN_NEIGHBOURS, minSize=(_LEAST_FACE, _LEAST_FACE)
        )
        return [_as_face(*(float(value) for value in square)) for square in squares]


def _as_face(x: float, y: float, side: float, _same_side: float) -> Detection:
    centre = side * (0.5 + _SHIFT)
    width, height = side * _WIDTH, side * _HEIGHT
    return Detection(x + centre - width / 2, y + centre - height / 2, width, height, _SCORE)
