"""Cuts faces out of frames, framed as in the pictures that the model learned from.

A crop is a square around the centre of a face's box, with ``margin`` of the box's longer side added
on each side. On FER2013's own pictures YuNet's boxes are, in the median, exactly as high as the
picture, so a margin of 0 frames a face as in training.
"""

import cv2
import numpy as np

from ingest.detect.base import Detection
from ingest.sources.base import Pixels
from moodline.crop import CROP_SIDE, Box


def cut_face(pixels: Pixels, face: Detection, *, margin: float) -> bytes:
    """Return a face as 48x48 grey bytes, row by row.

    ``pixels`` is the full frame (height, width, 3; blue, green, red). What lies beyond its edge
    repeats the edge.
    """
    side = max(1, round(max(face.width, face.height) * (1.0 + 2.0 * margin)))
    left = round(face.x + face.width / 2 - side / 2)
    top = round(face.y + face.height / 2 - side / 2)
    grey = cv2.cvtColor(_square(pixels, left, top, side), cv2.COLOR_BGR2GRAY)
    # INTER_AREA averages what becomes one pixel; where pixels are to be made, it would only repeat them.
    method = cv2.INTER_AREA if side > CROP_SIDE else cv2.INTER_LINEAR
    return cv2.resize(grey, (CROP_SIDE, CROP_SIDE), interpolation=method).tobytes()


def box_of(face: Detection, *, width: int, height: int) -> Box:
    """Return a face's box in whole pixels, cut to a frame of ``width`` by ``height``; at least one pixel."""
    left = min(max(0, round(face.x)), width - 1)
    top = min(max(0, round(face.y)), height - 1)
    right = min(max(left + 1, round(face.x + face.width)), width)
    bottom = min(max(top + 1, round(face.y + face.height)), height)
    return Box(left, top, right - left, bottom - top)


def _square(pixels: Pixels, left: int, top: int, side: int) -> Pixels:
    """Return the square of shape (side, side, 3) at (left, top), the picture's edge repeated beyond it."""
    height, width = pixels.shape[:2]
    if left >= 0 and top >= 0 and left + side <= width and top + side <= height:
        return pixels[top : top + side, left : left + side]
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return pixels[rows[:, np.newaxis], columns]
