"""A camera that needs no device, file or network: a portrait that moves, grows and changes its light.

The portrait is the public-domain picture of Grace Hopper that matplotlib ships among its sample data.
"""

import math
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np

from ingest.sources.base import Frame, Pause, Pixels, Unsupported, live_frame

WIDTH: Final = 640
HEIGHT: Final = 360
DEFAULT_FPS: Final = 5.0
_PORTRAIT: Final = "mpl-data/sample_data/grace_hopper.jpg"
_PORTRAIT_SCALE: Final = 0.75
_BACKDROP: Final = (170, 160, 150)


def portrait_path() -> Path:
    """Return where matplotlib, which is not imported, keeps the portrait. Raises Unsupported without it."""
    spec = find_spec("matplotlib")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / _PORTRAIT
        if path.is_file():
            return path
    raise Unsupported("The demo camera has no picture to show: install matplotlib, which ships it.")


class DemoCamera:
    """A live source of ``fps`` frames of 640x360 a second, the same sequence in every run."""

    def __init__(self, *, fps: float | None, pause: Pause) -> None:
        self._interval_s = 1.0 / (fps or DEFAULT_FPS)
        self._pause = pause
        self._portrait: Pixels | None = None
        self._numbers = count()

    def open(self) -> None:
        """Load the portrait."""
        picture = cv2.imread(str(portrait_path()))
        if picture is None:
            raise Unsupported(f"The demo camera's picture {portrait_path()} is damaged: install matplotlib again.")
        self._portrait = cast("Pixels", picture)

    def frames(self) -> Iterator[Frame]:
        """Yield for ever, one frame an interval."""
        if self._portrait is None:
            raise RuntimeError("open() comes first")
        due_s = time.monotonic()
        while self._pause(max(0.0, due_s - time.monotonic())):
            # The show goes by frames: a slow machine shows the same faces, only later.
            number = next(self._numbers)
            yield live_frame(number, render(self._portrait, number * self._interval_s))
            due_s = max(due_s + self._interval_s, time.monotonic())

    def close(self) -> None:
        """Forget the portrait."""
        self._portrait = None


def render(portrait: Pixels, at_s: float) -> Pixels:
    """Return the picture of shape (360, 640, 3) at ``at_s`` seconds: it sways, breathes and changes light."""
    zoom = _PORTRAIT_SCALE * (1.0 + 0.15 * math.sin(at_s * 0.7))
    centre_x = WIDTH / 2 + 150 * math.sin(at_s * 0.5)
    centre_y = HEIGHT / 2 + 60 + 25 * math.sin(at_s * 0.9)
    height, width = portrait.shape[:2]
    move = np.array([[zoom, 0, centre_x - zoom * width / 2], [0, zoom, centre_y - zoom * height / 2]])
    scene = cv2.warpAffine(portrait, move, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderValue=_BACKDROP)
    light = 1.0 + 0.25 * math.sin(at_s * 0.3)
    return cast("Pixels", cv2.convertScaleAbs(scene, alpha=light, beta=0))
