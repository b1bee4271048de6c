"""Makes a stream's preview while somebody looks: small, a few a second, faces blurred unless the stream allows them."""

import logging
import time
from collections.abc import Sequence
from typing import Final, cast

import cv2

from ingest.analysis import Look
from ingest.detect.base import Detection
from ingest.rate import Rate
from ingest.sources.base import Pixels
from moodline.broker import Broker
from moodline.errors import BrokerError
from moodline.previews import Preview, is_looked_at, show
from moodline.settings import StreamSettings

log = logging.getLogger(__name__)

WIDTH: Final = 640
QUALITY: Final = 70
PER_SECOND: Final = 5.0
_ASK_S: Final = 1.0
_AGAIN_S: Final = 1.0
# Of a box's longer side, on each side: hair and chin lie beyond a detector's box.
_MARGIN: Final = 0.3
# A face becomes as coarse as this many blocks.
_BLOCKS: Final = 4


class PreviewMaker:
    """Offers the looks of one stream; does nothing at all where previews are off."""

    def __init__(self, stream: StreamSettings, broker: Broker) -> None:
        self._stream = stream
        self._broker = broker
        self._sealer = broker.sealer()
        self._rate = Rate(PER_SECOND)
        self._is_looked_at = False
        self._asked_s = 0.0
        self._last: Preview | None = None
        self._shown_s = 0.0

    def offer(self, look: Look | None) -> None:
        """Show what was seen just now; without anything new the last picture stays in view."""
        if self._stream.preview == "off":
            return
        try:
            self._offer(look, time.monotonic())
        except BrokerError as error:  # the stream itself says that Redis is away
            log.debug("No preview of stream %s: %s", self._stream.id, error)

    def _offer(self, look: Look | None, now: float) -> None:
        if now - self._asked_s >= _ASK_S:
            self._asked_s = now
            self._is_looked_at = is_looked_at(self._broker, self._stream.id)
        if not self._is_looked_at:
            self._last = None
        elif look is not None and self._rate.is_due(now):
            self._last = Preview(look.frame, picture_of(look, blurred=self._stream.preview == "blurred"))
            self._show(self._last, now)
        elif self._last is not None and now - self._shown_s >= _AGAIN_S:
            self._show(self._last, now)

    def _show(self, preview: Preview, now: float) -> None:
        show(self._broker, self._sealer, self._stream.id, preview)
        self._shown_s = now


def picture_of(look: Look, *, blurred: bool) -> bytes:
    """Return what was seen as a JPEG of 640 pixels at most."""
    height, width = look.pixels.shape[:2]
    scale = min(1.0, WIDTH / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = cast("Pixels", cv2.resize(look.pixels, size, interpolation=cv2.INTER_AREA))
    if blurred:
        blur(picture, [face.scaled(scale) for face in look.faces])
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def blur(picture: Pixels, faces: Sequence[Detection]) -> None:
    """Make faces unrecognisable, in place: blocks from which nothing can be computed back, smoothed for the eye."""
    height, width = picture.shape[:2]
    for face in faces:
        more = _MARGIN * max(face.width, face.height)
        left, top = max(0, round(face.x - more)), max(0, round(face.y - more))
        right, bottom = min(width, round(face.x + face.width + more)), min(height, round(face.y + face.height + more))
        if right <= left or bottom <= top:
            continue
        part = picture[top:bottom, left:right]
        coarse = cv2.resize(part, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
        picture[top:bottom, left:right] = cv2.resize(coarse, (right - left, bottom - top))
