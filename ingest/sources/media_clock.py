"""The times that a video gives its frames."""

from typing import Final

import cv2

from ingest.sources.video_capture import VideoCapture

FALLBACK_FPS: Final = 25.0
ABSURD_FPS: Final = 1000.0


class MediaClock:
    """A video's own time of each frame, mended where it stands still or goes back."""

    def __init__(self, capture: VideoCapture) -> None:
        fps = capture.get(cv2.CAP_PROP_FPS)
        self._capture = capture
        self._step_ms = 1000.0 / fps if 0 < fps < ABSURD_FPS else 1000.0 / FALLBACK_FPS
        self._last_ms: float | None = None

    def now_ms(self) -> float:
        """Return the media time of the frame that was grabbed last; larger than that of the one before."""
        now = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        if self._last_ms is not None and not now > self._last_ms:
            now = self._last_ms + self._step_ms
        self._last_ms = max(now, 0.0)
        return self._last_ms
