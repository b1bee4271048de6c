"""Follows faces over frames: predicted boxes and found ones are matched as a whole, the best total first.

All times are seconds of the stream, so tracks do not depend on its frame rate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ingest.detect.base import Detection

LOST_AFTER_S: Final = 1.0
"""A face that was not found for this long has left."""
# A face may be off its predicted place by half its size, and by two more sizes for every second unseen.
_REACH: Final = 0.5
_REACH_PER_S: Final = 2.0
_MOST_REACH: Final = 1.25
_MOST_GROWTH: Final = 2.0
_VELOCITY_TAU_S: Final = 0.25
# Nobody goes on at the same speed for longer without being seen.
_PREDICT_AT_MOST_S: Final = 0.5
_IMPOSSIBLE: Final = 1e6

Boxes = NDArray[np.float64]
"""Boxes of shape (n, 4): left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Followed:
    """The track of each detection, in the detections' order, and the tracks that ended before this frame."""

    tracks: tuple[str, ...]
    ended: tuple[str, ...]


@dataclass(slots=True)
class _Track:
    id: str
    face: Detection
    seen_s: float
    velocity_x: float = 0.0
    velocity_y: float = 0.0

    def predicted(self, at_s: float) -> tuple[float, float, float, float]:
        """Left, top, right and bottom where the face is expected at constant velocity."""
        ahead = min(at_s - self.seen_s, _PREDICT_AT_MOST_S)
        x, y = self.face.x + self.velocity_x * ahead, self.face.y + self.velocity_y * ahead
        return x, y, x + self.face.width, y + self.face.height

    def moved(self, face: Detection, at_s: float) -> None:
        """Take in where the face was found."""
        passed = at_s - self.seen_s
        if passed > 0:
            weight = 1.0 - math.exp(-passed / _VELOCITY_TAU_S)
            moved_x = (face.x + face.width / 2) - (self.face.x + self.face.width / 2)
            moved_y = (face.y + face.height / 2) - (self.face.y + self.face.height / 2)
            self.velocity_x += weight * (moved_x / passed - self.velocity_x)
            self.velocity_y += weight * (moved_y / passed - self.velocity_y)
        self.face, self.seen_s = face, at_s


class Tracker:
    """The open tracks of one stream; ids are ``<prefix>-<n>`` with n counted from ``first``."""

    def __init__(self, prefix: str, *, first: int = 1, lost_after_s: float = LOST_AFTER_S) -> None:
        self._prefix = prefix
        self._next = first
        self._lost_after_s = lost_after_s
        self._open: list[_Track] = []

    def lose_after(self, seconds: float) -> None:
        """Count a face as left when it was not found for so long, from now on."""
        self._lost_after_s = seconds

    @property
    def is_following(self) -> bool:
        """Whether there is an open track."""
        return bool(self._open)

    def follow(self, faces: Sequence[Detection], at_s: float) -> Followed:
        """Match the faces of a frame at ``at_s`` with the open tracks; what fits none begins a new one."""
        ended = self._end_lost(at_s)
        found: dict[int, _Track] = {}
        for track_index, face_index in self._matches(faces, at_s):
            track = self._open[track_index]
            track.moved(faces[face_index], at_s)
            found[face_index] = track
        for index, face in enumerate(faces):
            if index not in found:
                found[index] = self._begin(face, at_s)
        return Followed(tuple(found[index].id for index in range(len(faces))), ended)

    def end_all(self) -> tuple[str, ...]:
        """End every track, as at a cut, and return them."""
        ended = tuple(track.id for track in self._open)
        self._open.clear()
        return ended

    def _begin(self, face: Detection, at_s: float) -> _Track:
        track = _Track(f"{self._prefix}-{self._next}", face, at_s)
        self._next += 1
        self._open.append(track)
        return track

    def _end_lost(self, at_s: float) -> tuple[str, ...]:
        lost = [track for track in self._open if at_s - track.seen_s > self._lost_after_s]
        self._open = [track for track in self._open if track not in lost]
        return tuple(track.id for track in lost)

    def _matches(self, faces: Sequence[Detection], at_s: float) -> list[tuple[int, int]]:
        """Return pairs of open track and face whose sum of costs is the least."""
        if not self._open or not faces:
            return []
        expected = np.array([track.predicted(at_s) for track in self._open])
        found = np.array([(face.x, face.y, face.x + face.width, face.y + face.height) for face in faces])
        unseen_s = np.array([at_s - track.seen_s for track in self._open])
        cost = np.where(_possible(expected, found, unseen_s), 1.0 - _distance_iou(expected, found), _IMPOSSIBLE)
        rows, columns = linear_sum_assignment(cost)
        return [
            (int(row), int(column))
            for row, column in zip(rows, columns, strict=True)
            if cost[row, column] < _IMPOSSIBLE
        ]


def _distance_iou(left: Boxes, right: Boxes) -> NDArray[np.float64]:
    """Return distance-IoU of every pair, shape (n, m).

    It is IoU, less how far apart the centres are (Zheng et al., 2020). Unlike plain IoU it still
    tells near from far where boxes do not overlap, as at few frames a second.
    """
    a, b = left[:, np.newaxis, :], right[np.newaxis, :, :]
    overlap = np.prod(
        np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None), axis=-1
    )
    union = np.prod(a[..., 2:] - a[..., :2], axis=-1) + np.prod(b[..., 2:] - b[..., :2], axis=-1) - overlap
    hull = np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    score: NDArray[np.float64] = overlap / union - np.sum(apart**2, axis=-1) / np.sum(hull**2, axis=-1)
    return score


def _possible(expected: Boxes, found: Boxes, unseen_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which pairs, shape (n, m), can be one face: near for the time passed, and of like size."""
    size_a = np.sqrt(np.prod(expected[:, 2:] - expected[:, :2], axis=1))[:, np.newaxis]
    size_b = np.sqrt(np.prod(found[:, 2:] - found[:, :2], axis=1))[np.newaxis, :]
    centre_a = (expected[:, np.newaxis, :2] + expected[:, np.newaxis, 2:]) / 2
    centre_b = (found[np.newaxis, :, :2] + found[np.newaxis, :, 2:]) / 2
    distance = np.linalg.norm(centre_a - centre_b, axis=-1)
    reach = np.minimum(_REACH + _REACH_PER_S * unseen_s, _MOST_REACH)[:, np.newaxis]
    growth = np.maximum(size_a, size_b) / np.minimum(size_a, size_b)
    possible: NDArray[np.bool_] = (distance <= reach * np.maximum(size_a, size_b)) & (growth <= _MOST_GROWTH)
    return possible
