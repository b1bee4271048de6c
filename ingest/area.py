"""Which part of a picture is looked at: privacy masks are blackened first, and regions bound what is searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.detect.base import Detection, scaled_down
from ingest.sources.base import Pixels
from moodline.settings import StreamSettings
from moodline.settings.polygon import Polygon


@dataclass(frozen=True, slots=True)
class View:
    """A picture as it may be seen.

    ``pixels`` is the full frame without what is masked, ``searched`` its part around the regions,
    scaled down for detection. Both have the shape (height, width, 3).
    """

    pixels: Pixels
    searched: Pixels
    left: int
    top: int
    scale: float

    def in_frame(self, face: Detection) -> Detection:
        """Return a face found in ``searched`` in the coordinates of the frame."""
        found = face.scaled(1.0 / self.scale)
        return Detection(found.x + self.left, found.y + self.top, found.width, found.height, found.score)


class Area:
    """The regions and masks of one stream, for frames of whatever size; ``most_scale`` as in ``scaled_down``."""

    def __init__(self, stream: StreamSettings, *, most_scale: float = 1.0) -> None:
        self._regions = stream.regions
        self._masks = stream.masks
        self._detect_width = stream.detect_width
        self._most_scale = most_scale

    def view(self, pixels: Pixels) -> View:
        """Return what may be seen of a frame (height, width, 3), which itself stays as it is."""
        height, width = pixels.shape[:2]
        left, top, right, bottom = _bounds(self._regions, width, height)
        if self._masks:
            pixels = pixels.copy()
            for mask in _corners(self._masks, width, height):  # filled together, what two of them share would be left
                cv2.fillPoly(pixels, [mask], (0, 0, 0))
        searched, scale = scaled_down(pixels[top:bottom, left:right], self._detect_width, most=self._most_scale)
        return View(pixels, searched, left, top, scale)

    def has(self, face: Detection, view: View) -> bool:
        """Return whether the middle of a face of the frame lies in a region, or there are no regions."""
        if not self._regions:
            return True
        height, width = view.pixels.shape[:2]
        middle = (face.x + face.width / 2, face.y + face.height / 2)
        corners = _corners(self._regions, width, height)
        return any(cv2.pointPolygonTest(polygon, middle, measureDist=False) >= 0 for polygon in corners)


def _corners(polygons: Sequence[Polygon], width: int, height: int) -> list[NDArray[np.int32]]:
    """Return polygons in pixels, each of shape (corners, 2)."""
    size = np.array((width, height))
    return [cast("NDArray[np.int32]", np.rint(np.array(polygon) * size).astype(np.int32)) for polygon in polygons]


def _bounds(regions: Sequence[Polygon], width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what all regions lie in; the whole frame without any."""
    if not regions:
        return 0, 0, width, height
    corners = np.concatenate(_corners(regions, width, height))
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    left, top = min(left, width - 1), min(top, height - 1)
    return left, top, max(right, left + 1), max(bottom, top + 1)
