"""YuNet, a small convolutional face detector, through OpenCV's FaceDetectorYN."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np

from ingest.detect.base import Detection
from ingest.sources.base import Pixels
from moodline.errors import ModelError

NMS_THRESHOLD: Final = 0.3
# Before non-maximum suppression; crowds of more faces than max_faces are cut afterwards.
_CANDIDATES: Final = 1000
# Smaller pictures hold no face, and the network's smallest map would be empty.
_LEAST_SIDE: Final = 16
_SCORE_COLUMN: Final = 14


class YuNet:
    """YuNet from a model file; not for several threads at a time."""

    def __init__(self, model: Path, *, score_threshold: float) -> None:
        try:
            self._detector = cv2.FaceDetectorYN.create(
                str(model), "", (320, 320), score_threshold, NMS_THRESHOLD, _CANDIDATES
            )
        except cv2.error as error:
            raise ModelError(
                f"The face detector {model} cannot be loaded: it is damaged or not YuNet; delete it, or set "
                "ingest.detector_model to face_detection_yunet_2023mar.onnx."
            ) from error
        self._size: tuple[int, int] | None = None

    @property
    def least_face(self) -> int:
        """At 12 pixels it finds 94 of 100 faces that it finds at twice the size, for a quarter of the work."""
        return 12

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        """Return the faces in ``pixels``."""
        height, width = pixels.shape[:2]
        if min(height, width) < _LEAST_SIDE:
            return ()
        if self._size != (width, height):
            self._detector.setInputSize((width, height))
            self._size = (width, height)
        rows = cast("np.ndarray[tuple[int, int], np.dtype[np.float32]] | None", self._detector.detect(pixels)[1])
        if rows is None:
            return ()
        return [_face(*(float(value) for value in row)) for row in rows if np.isfinite(row).all()]


def _face(*row: float) -> Detection:
    """Turn a row of YuNet, box, five landmarks and score, into a detection."""
    x, y, width, height = row[:4]
    return Detection(x, y, width, height, row[_SCORE_COLUMN])
