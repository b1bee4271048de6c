"""The seam to OpenCV's VideoCapture: everything that decodes video goes through ``CaptureOpener``.

Tests put a fake device behind it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

import cv2

from ingest.sources.base import Frame, Pixels, Unsupported, Wanted, live_frame

GREY_DIMENSIONS: Final = 2
MOST_PIXELS: Final = 1 << 26
"""64 megapixels, of which one frame takes 200 MB: a header that claims more is damaged or an attack."""


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


def check_size(capture: VideoCapture, *, source: str) -> None:
    """Raise Unsupported, and close, where an open video's pictures are absurdly large."""
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if width * height > MOST_PIXELS:
        capture.release()
        raise Unsupported(
            f"{source} has pictures of {width:.0f}x{height:.0f}: more than {MOST_PIXELS >> 20} megapixels are not read."
        )


def live_frames(
    capture: VideoCapture, numbers: Iterator[int], wanted: Wanted, *, grab: Callable[[], bool] | None = None
) -> Iterator[Frame]:
    """Yield what a camera gives as frames captured now, until it gives no more.

    All frames are grabbed (by ``grab``, if not by the capture itself), lest old ones pile up, and only those that are
    wanted become pictures.
    """
    grab, continues = grab or capture.grab, False
    while grab():
        at_s, number = time.monotonic(), next(numbers)
        if continues and not wanted(at_s):  # the first one says that the camera is there
            continue
        pixels = retrieve_pixels(capture)
        if pixels is None:
            return
        yield live_frame(number, pixels, at_s=at_s, continues=continues)
        continues = True


def retrieve_pixels(capture: VideoCapture) -> Pixels | None:
    """Return the frame that was grabbed last as blue, green, red, or None when it cannot be decoded.

    Raises Unsupported where a video's pictures have become absurdly large.
    """
    ok, pixels = capture.retrieve()
    if not ok or pixels is None or pixels.size == 0:
        return None
    height, width = pixels.shape[:2]
    if width * height > MOST_PIXELS:
        raise Unsupported(f"A picture of {width}x{height} came: more than {MOST_PIXELS >> 20} megapixels are not read.")
    if pixels.ndim == GREY_DIMENSIONS:
        return cast("Pixels", cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR))
    return pixels
