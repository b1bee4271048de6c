"""Which boxes are faces: those that overlap what YuNet finds in the full-size frame."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

SCORE: Final = 0.7
LEAST_IOU: Final = 0.4
_NMS: Final = 0.3
_CANDIDATES: Final = 1000

Rectangle = tuple[float, float, float, float]
"""Left, top, width and height in pixels of the full frame."""
Rows = NDArray[np.float32]
"""YuNet's answer, shape (faces, 15): the box, five landmarks, the score."""
Boxes = dict[int, list[Rectangle]]
"""The boxes of each frame, by its number from 0."""


def true_faces(clip: Path, model: Path) -> Boxes:
    """Return the faces of every frame of a clip, as full-size YuNet sees them."""
    capture = cv2.VideoCapture(str(clip))
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    detector = cv2.FaceDetectorYN.create(str(model), "", size, SCORE, _NMS, _CANDIDATES)
    faces: Boxes = {}
    while True:
        ok, frame = capture.read()
        if not ok:
            return faces
        rows = cast("Rows | None", detector.detect(frame)[1])
        faces[len(faces)] = [_rectangle(row) for row in rows] if rows is not None else []


def count_found(boxes: Mapping[int, Sequence[Rectangle]], truth: Boxes) -> int:
    """Return how many of the true faces were found. Two boxes on one face find one."""
    return sum(_matches(boxes.get(frame, ()), faces) for frame, faces in truth.items())


def _matches(boxes: Sequence[Rectangle], faces: Sequence[Rectangle]) -> int:
    if not boxes or not faces:
        return 0
    enough = np.array([[iou(box, face) >= LEAST_IOU for face in faces] for box in boxes])
    rows, columns = linear_sum_assignment(enough, maximize=True)
    return int(enough[rows, columns].sum())


def iou(left: Rectangle, right: Rectangle) -> float:
    """Return the intersection of two rectangles over their union, 0 to 1."""
    width = min(left[0] + left[2], right[0] + right[2]) - max(left[0], right[0])
    height = min(left[1] + left[3], right[1] + right[3]) - max(left[1], right[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (left[2] * left[3] + right[2] * right[3] - width * height)


def _rectangle(row: NDArray[np.float32]) -> Rectangle:
    x, y, width, height = (float(value) for value in row[:4])
    return x, y, width, height
