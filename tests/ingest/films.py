"""Frames made of real pictures, on a clock of their own, for tests of what happens between them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from ingest.analysis import Analysis
from ingest.detect.base import Detection
from ingest.detect.choose import make_detector
from ingest.sources.base import Frame, Pixels
from ingest.sources.demo import portrait_path
from moodline.crop import FrameCrops
from moodline.settings import StreamSettings

WIDTH, HEIGHT = 640, 360


def stream(**settings: object) -> StreamSettings:
    """Return a camera's settings; its url is never opened."""
    return StreamSettings.model_validate({"id": "s", "url": "rtsp://cam.test/1", "fps": 240, **settings})


def portrait(*, left: int = 200, top: int = 20, height: int = 300) -> Pixels:
    """Return a picture of WIDTH by HEIGHT with one face in it; the portrait's corner is at (left, top)."""
    whole = cv2.imread(str(portrait_path()))
    assert whole is not None
    face = cv2.resize(whole, (round(height * whole.shape[1] / whole.shape[0]), height), interpolation=cv2.INTER_AREA)
    picture = np.full((HEIGHT, WIDTH, 3), (170, 160, 150), np.uint8)
    shown = face[: HEIGHT - top, : WIDTH - left]
    picture[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return picture


def empty_room() -> Pixels:
    return np.full((HEIGHT, WIDTH, 3), (170, 160, 150), np.uint8)


def filmed(pictures: Iterable[Pixels], *, fps: float = 25) -> Iterator[Frame]:
    """Yield pictures as the frames of one film."""
    for number, pixels in enumerate(pictures):
        media_ms = number * 1000 / fps
        yield Frame(number, pixels, round(media_ms), media_ms / 1000, media_ms, continues=number > 0)


def analysed(settings: StreamSettings, frames: Iterable[Frame], model: Path) -> tuple[Analysis, list[FrameCrops]]:
    """Return what became of the frames that were looked at."""
    analysis = Analysis(settings, make_detector(settings, model), prefix="r")
    found = [analysis.analyse(frame) for frame in frames]
    return analysis, [frame for frame in found if frame is not None]


def overlap(one: Detection, other: Detection) -> float:
    """Intersection over union."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(0.0, width) * max(0.0, height)
    return both / (one.width * one.height + other.width * other.height - both)
