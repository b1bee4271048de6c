"""The seam to OpenCV's VideoCapture: everything that decodes video goes through ``CaptureOpener``.

Tests put a fake device behind it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

import cv2

from ingest.sources.base import Frame, Pixels, live_frame

GREY_DIMENSIONS: Final = 2


class VideoCapture(Protocol):
    """The part of cv2.VideoCapture that the sources use; OpenCV documents it."""

    # ruff: noqa: D102

    def isOpened(self) -> bool: ...  # noqa: N802 - OpenCV's name
    def grab(self) -> bool: ...
    def retrieve(self) -> tuple[bool, Pixels | None]: ...
    def get(self, prop: int, /) -> float: ...
    def set(self, prop: int, value: float, /) -> bool: ...
    def release(self) -> None: ...


CaptureOpener = Callable[[str | int, int, Sequence[int]], VideoCapture]
"""Opens (URL, path or device number; backend; flat list of property and value)."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long FFmpeg may take to open a source and to read one frame of it."""

    open_s: float
    read_s: float

    def as_params(self) -> list[int]:
        """Return the constructor parameters: set later, they do not hold for the opening itself."""
        return [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            round(self.open_s * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            round(self.read_s * 1000),
        ]


def open_with_opencv(source: str | int, backend: int, params: Sequence[int]) -> VideoCapture:
    """Open with OpenCV itself."""
    return cast("VideoCapture", cv2.VideoCapture(source, backend, list(params)))


def live_frames(capture: VideoCapture, numbers: Iterator[int]) -> Iterator[Frame]:
    """Yield what a camera gives as frames captured now, until it gives no more."""
    continues = False
    while capture.grab() and (pixels := retrieve_pixels(capture)) is not None:
        yield live_frame(next(numbers), pixels, continues=continues)
        continues = True


def retrieve_pixels(capture: VideoCapture) -> Pixels | None:
    """Return the frame that was grabbed last as blue, green, red, or None when it cannot be decoded."""
    ok, pixels = capture.retrieve()
    if not ok or pixels is None or pixels.size == 0:
        return None
    if pixels.ndim == GREY_DIMENSIONS:
        return cast("Pixels", cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR))
    return pixels
