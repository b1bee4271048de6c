"""Follows faces from one picture to the next by sparse optical flow, which costs a fraction of a detection.

A face is a grid of points. Each is sought in the next picture, and from there back again: points that
do not come back to where they began are no help. The rest say how far the face went and how it grew.
"""

from collections.abc import Sequence
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.detect.base import Detection, scaled_down
from ingest.sources.base import Pixels

# Flow needs no more detail than this: of our clips' faces it loses none that it keeps at twice the size.
_LONGEST: Final = 320
_WINDOW: Final = (15, 15)
_LEVELS: Final = 2
_STOP: Final = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03)
_GRID: Final = 5
# Points stand in the middle of the box: at its rim is background, which goes its own way.
_INNER: Final = 0.7
_MOST_ASTRAY_PX: Final = 1.0
_LEAST_SHARE: Final = 0.5
_MOST_GROWTH: Final = 1.2
# In widths of the box: points that went further apart belong to no one face any more.
_MOST_SPREAD: Final = 0.15

Grey = NDArray[np.uint8]
"""A picture of shape (height, width)."""
Points = NDArray[np.float32]
"""Points of shape (..., 2): x and y in the grey picture."""


class Follower:
    """Knows the last picture and the faces in it; boxes are in pixels of the pictures that it is given."""

    def __init__(self) -> None:
        self._grey: Grey | None = None
        self._shape: tuple[int, ...] = ()
        self._faces: tuple[Detection, ...] = ()

    def seen(self, pixels: Pixels, faces: Sequence[Detection]) -> None:
        """Take in which faces a detector found in ``pixels`` (height, width, 3)."""
        self._faces = tuple(faces)
        self._shape = pixels.shape
        self._grey = _grey_of(pixels)[0] if faces else None

    def follow(self, pixels: Pixels) -> Sequence[Detection] | None:
        """Return the faces where they are in the next picture, or None where one of them was lost.

        After None a detector has to look.
        """
        if pixels.shape != self._shape:
            return None
        if self._grey is None:
            return ()
        grey, factor = _grey_of(pixels)
        grids = np.stack([_grid(face.scaled(factor)) for face in self._faces])
        ends, good = _flow(self._grey, grey, grids)
        moved = [
            _moved(face.scaled(factor), grid[fit], end[fit]) if fit.mean() >= _LEAST_SHARE else None
            for face, grid, end, fit in zip(self._faces, grids, ends, good, strict=True)
        ]
        followed = tuple(face.scaled(1.0 / factor) for face in moved if face is not None)
        if len(followed) < len(moved):
            return None
        self._faces, self._grey = followed, grey
        return followed


def _grey_of(pixels: Pixels) -> tuple[Grey, float]:
    """Return a picture reduced to what flow needs, and the factor that it was scaled by."""
    return scaled_down(cast("Grey", cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)), _LONGEST)


def _grid(face: Detection) -> Points:
    """Return points of shape (points, 2) in the middle of a face."""
    steps = np.linspace((1 - _INNER) / 2, (1 + _INNER) / 2, _GRID)
    x, y = np.meshgrid(face.x + steps * face.width, face.y + steps * face.height)
    return np.stack([x.ravel(), y.ravel()], axis=-1).astype(np.float32)


def _flow(before: Grey, after: Grey, grids: Points) -> tuple[Points, NDArray[np.bool_]]:
    """Return where points of shape (faces, points, 2) went, and which of them came back from there."""
    starts = grids.reshape(-1, 1, 2)
    ends, there = _sought(before, after, starts, starts)
    returned, back = _sought(after, before, ends, starts)
    astray = np.linalg.norm(returned - starts, axis=-1)
    good = there & back & (astray < _MOST_ASTRAY_PX)
    return ends.reshape(grids.shape), good.reshape(grids.shape[:2])


def _sought(before: Grey, after: Grey, points: Points, near: Points) -> tuple[Points, NDArray[np.bool_]]:
    """Return where ``points`` (n, 1, 2) of one picture are in the other, sought from ``near``, and which were found."""
    ends, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        after,
        points,
        near.copy(),  # it is written over
        winSize=_WINDOW,
        maxLevel=_LEVELS,
        criteria=_STOP,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return cast("Points", ends), found == 1


def _moved(face: Detection, starts: Points, ends: Points) -> Detection | None:
    """Return the face where its points, shape (n, 2), went; None where they did not stay together."""
    shift = np.median(ends - starts, axis=0)
    middle = np.median(starts, axis=0)
    growth = _growth(starts - middle, ends - middle - shift)
    spread = float(np.median(np.linalg.norm(ends - starts - shift, axis=1)))
    if spread > _MOST_SPREAD * face.width or not 1.0 / _MOST_GROWTH < growth < _MOST_GROWTH:
        return None
    return Detection(
        x=float(middle[0] + shift[0] + (face.x - middle[0]) * growth),
        y=float(middle[1] + shift[1] + (face.y - middle[1]) * growth),
        width=face.width * growth,
        height=face.height * growth,
        score=face.score,
    )


def _growth(before: Points, after: Points) -> float:
    """Return by how much points, as seen from their middle, went apart; 1 where they are too few to tell."""
    reach, reached = np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1)
    far = reach > np.median(reach)
    return float(np.median(reached[far] / reach[far])) if far.any() else 1.0
