"""A browser's webcam: JPEG pictures that api relays through Redis."""

import time
from collections.abc import Iterator
from typing import Final, cast

import cv2
import numpy as np

from ingest.sources.base import Frame, Pause, Pixels, Stalled, Unreachable, Unsupported, live_frame
from moodline.broker import Broker
from moodline.errors import BrokerError
from moodline.webcams import NO_PICTURE, Picture, next_picture

_BLOCK_MS: Final = 500
_SILENT_S: Final = 10.0
# A picture that lies turned in the browser's own file is not turned here: the page draws boxes over what it sent.
_DECODE: Final = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


class BrowserWebcam:
    """A live source whose frames have the numbers that the browser gave them."""

    def __init__(self, stream: str, *, broker: Broker, pause: Pause) -> None:
        self._stream = stream
        self._broker = broker
        self._pause = pause
        self._sealer = broker.sealer()

    def open(self) -> None:
        """Do nothing: the browser sends or does not."""

    def frames(self) -> Iterator[Frame]:
        """Yield the newest picture whenever there is one; raises Stalled, Unsupported, Unreachable."""
        place, heard_s, continues = "0-0", time.monotonic(), False
        while self._pause(0):
            picture = self._next(place)
            if picture is None:
                if time.monotonic() - heard_s > _SILENT_S:
                    raise Stalled("The browser sends no pictures.")
                continue
            place, heard_s = picture.place, time.monotonic()
            if picture.number == NO_PICTURE:
                continue
            if not picture.jpeg:
                raise Unsupported(
                    "The pictures of this webcam are sealed with another key: give api and ingest the same "
                    "MOODLINE_SEAL_KEY."
                )
            pixels = decode(picture.jpeg)
            if pixels is not None:
                yield live_frame(picture.number, pixels, continues=continues)
                continues = True

    def close(self) -> None:
        """Do nothing: the connection to Redis is its process's."""

    def _next(self, place: str) -> Picture | None:
        try:
            return next_picture(self._broker, self._sealer, self._stream, after=place, block_ms=_BLOCK_MS)
        except BrokerError as error:
            raise Unreachable(str(error)) from error


def decode(jpeg: bytes) -> Pixels | None:
    """Return the picture as (height, width, 3), blue, green, red; None where it cannot be decoded."""
    try:
        return cast("Pixels | None", cv2.imdecode(np.frombuffer(jpeg, np.uint8), _DECODE))
    except cv2.error:
        return None
