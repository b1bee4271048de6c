"""Webcams of this machine, by number or device file."""

import logging
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import cv2

from ingest.sources.base import Frame, NotFound, Stalled, Unreachable, Wanted, always
from ingest.sources.video_capture import CaptureOpener, VideoCapture, live_frames, open_with_opencv

log = logging.getLogger(__name__)


class Webcam:
    """A live local camera, ``0`` or ``/dev/video0``, asked for a ``size`` and a ``pixel_format`` such as ``MJPG``."""

    def __init__(
        self,
        device: str,
        *,
        size: tuple[int, int] | None = None,
        pixel_format: str | None = None,
        opener: CaptureOpener = open_with_opencv,
        wanted: Wanted = always,
    ) -> None:
        number = re.fullmatch(r"(?:/dev/video)?(\d+)", device)
        if number is None:
            raise ValueError(f"{device!r} is no webcam: give its number or /dev/video<number>")
        self._device = int(number[1])
        self._size = size
        self._pixel_format = pixel_format
        self._opener = opener
        self._wanted = wanted
        self._capture: VideoCapture | None = None
        self._numbers = count()

    def open(self) -> None:
        """Take the device. Raises NotFound, or Unreachable where another program has it."""
        capture = self._opener(self._device, cv2.CAP_ANY, ())
        if not capture.isOpened():
            capture.release()
            raise self._why_not()
        # One buffered frame: the newest is wanted. Drivers that cannot do it ignore it.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._ask_for(capture)
        self._capture = capture

    def frames(self) -> Iterator[Frame]:
        """Yield frames at the camera's own rate; raises Stalled when it gives no more."""
        if self._capture is None:
            raise RuntimeError("open() comes first")
        yield from live_frames(self._capture, self._numbers, self._wanted)
        raise Stalled(f"Webcam {self._device} gives no more frames: check that it is still plugged in; trying again.")

    def close(self) -> None:
        """Give the device back."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _ask_for(self, capture: VideoCapture) -> None:
        if self._pixel_format:  # first: it says which sizes there are
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*self._pixel_format))
        if self._size is None:
            return
        for name, length in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), self._size, strict=True):
            capture.set(name, length)
        given = round(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if given != self._size:
            log.warning("Webcam %d gives %dx%d instead of %dx%d.", self._device, *given, *self._size)

    def _why_not(self) -> NotFound | Unreachable:
        path = Path(f"/dev/video{self._device}")
        if path.exists():
            return Unreachable(
                f"Webcam {self._device} cannot be opened: another program may be using it, or this user "
                f"may not read {path}; trying again."
            )
        return NotFound(
            f"There is no webcam {self._device} on this machine ({path} is missing): plug it in, or "
            "correct the stream's url."
        )
