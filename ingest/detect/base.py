"""What a face detector gives, and what all of them share: scaling down, bounds, order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import cv2

from ingest.sources.base import Pixels


@dataclass(frozen=True, slots=True)
class Detection:
    """A face: its box in pixels, which may reach over the picture's edge, and its score 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    score: float

    def scaled(self, factor: float) -> "Detection":
        """Return the same face in a picture ``factor`` times as large."""
        return Detection(self.x * factor, self.y * factor, self.width * factor, self.height * factor, self.score)


class Detector(Protocol):
    """Finds faces in one picture at the size it is given."""

    @property
    def least_face(self) -> int:
        """Height and width of the smallest faces that it still finds, in pixels of the picture."""

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        """Return the faces in ``pixels`` (height, width, 3; blue, green, red), in its coordinates."""


def scaled_down(pixels: Pixels, longest: int, *, most: float = 1.0) -> tuple[Pixels, float]:
    """Return ``pixels`` with its longer side at most ``longest``, and the factor (at most ``most``) of its scaling."""
    height, width = pixels.shape[:2]
    factor = min(1.0, most, longest / max(height, width))
    if factor == 1.0:
        return pixels, 1.0
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cast("Pixels", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)), factor


def largest(faces: Iterable[Detection], *, at_least: int, at_most: int) -> list[Detection]:
    """Return the ``at_most`` largest of the faces that are ``at_least`` that many pixels high and wide."""
    fitting = [face for face in faces if min(face.width, face.height) >= at_least]
    fitting.sort(key=lambda face: face.width * face.height, reverse=True)
    return fitting[:at_most]
