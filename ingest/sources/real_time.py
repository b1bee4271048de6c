"""Brings back to its own pace what a server hands out in pieces: HLS gives seconds of video at once."""

import time
from typing import Final

from ingest.sources.base import Pause
from ingest.sources.media_clock import MediaClock
from ingest.sources.video_capture import VideoCapture

# What is further ahead does not go on from what came before: the clock of the video has jumped.
_JUMP_S: Final = 2.0
# Who is late and has to wait so long all the same is late because of the server, and does not catch up.
_WAITED_S: Final = 0.5


class RealTime:
    """Grabs each frame when it is due, so that a piece is looked at over its length and no read waits for the next.

    What is late is grabbed at once: a stream that was held up catches up.
    """

    def __init__(self, capture: VideoCapture, pause: Pause) -> None:
        self._capture = capture
        self._pause = pause
        self._clock = MediaClock(capture)
        self._began_s: float | None = None  # when the video's own clock stood at 0

    def grab(self) -> bool:
        """Grab the next frame and wait until it is due; return False where there is none."""
        asked_s = time.monotonic()
        if not self._capture.grab():
            return False
        media_s, came_s = self._clock.now_ms() / 1000.0, time.monotonic()
        ahead_s = media_s + self._began_s - came_s if self._began_s is not None else 0.0
        if self._began_s is None or ahead_s > _JUMP_S or (ahead_s < 0 and came_s - asked_s > _WAITED_S):
            self._began_s = came_s - media_s
        elif ahead_s > 0:
            self._pause(ahead_s)
        return True
