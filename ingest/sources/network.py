"""Network cameras: RTSP, and HTTP in whatever container FFmpeg can read (MJPEG, HLS, MP4)."""

import os
import time
from collections.abc import Iterator
from itertools import count
from typing import Final, Literal

import cv2

from ingest.diagnosis import diagnose
from ingest.native_stderr import ReadLines, no_lines
from ingest.sources.base import Frame, SourceFailure, Stalled, Unreachable, Wanted, always
from ingest.sources.http_answer import http_answer
from ingest.sources.video_capture import (
    CaptureOpener,
    Timeouts,
    VideoCapture,
    check_size,
    live_frames,
    open_with_opencv,
)
from moodline.redact import redact_url

# FFmpeg watches a new stream for seconds to learn its frame rate, which nobody here asks for (microseconds).
_QUICK_START: Final = "analyzeduration;500000"
# Decoding a camera takes a fraction of a core; more threads would add memory and a frame of delay each.
_ONE_THREAD: Final = (cv2.CAP_PROP_N_THREADS, 1)


class NetworkCamera:
    """A live source over the network. ``transport`` is how RTSP brings its packets."""

    def __init__(
        self,
        url: str,
        *,
        timeouts: Timeouts,
        transport: Literal["tcp", "udp"] = "tcp",
        native_lines: ReadLines = no_lines,
        opener: CaptureOpener = open_with_opencv,
        wanted: Wanted = always,
    ) -> None:
        self._url = url
        self._shown = redact_url(url)
        self._timeouts = timeouts
        self._transport = transport
        self._native_lines = native_lines
        self._opener = opener
        self._wanted = wanted
        self._capture: VideoCapture | None = None
        self._numbers = count()

    def open(self) -> None:
        """Connect; takes at most the open timeout."""
        # OpenCV reads FFmpeg's options from here only. A capture process has one source, so nobody
        # else is meant.
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"rtsp_transport;{self._transport}|{_QUICK_START}"
        self._native_lines()
        started = time.monotonic()
        params = [*self._timeouts.as_params(), *_ONE_THREAD]
        capture = self._opener(self._url, cv2.CAP_FFMPEG, params)
        if not capture.isOpened():
            capture.release()
            raise self._why_not(time.monotonic() - started)
        check_size(capture, source=self._shown)
        self._capture = capture

    def frames(self) -> Iterator[Frame]:
        """Yield frames as they come; raises SourceFailure when none comes in the read timeout."""
        if self._capture is None:
            raise RuntimeError("open() comes first")
        some = False
        for frame in live_frames(self._capture, self._numbers, self._wanted):
            some = True
            yield frame
        silent = Stalled(f"{self._shown} gives no more frames; connecting again.")
        # What a decoder has said of single bad frames of a stream that ran tells nothing of its end.
        raise silent if some else diagnose(self._native_lines(), source=self._shown, otherwise=silent)

    def close(self) -> None:
        """Hang up."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _why_not(self, took_s: float) -> SourceFailure:
        silence = self._silence(took_s)
        failure = diagnose(self._native_lines(), source=self._shown, otherwise=silence)
        if failure is silence and self._url.lower().startswith("http"):
            lines = http_answer(self._url, timeout_s=self._timeouts.open_s)
            failure = diagnose(lines, source=self._shown, otherwise=silence)
        return failure

    def _silence(self, took_s: float) -> Unreachable:
        if took_s >= self._timeouts.open_s * 0.9:
            return Unreachable(f"{self._shown} gave no answer in {self._timeouts.open_s:g} s; trying again.")
        return Unreachable(f"{self._shown} cannot be opened, and FFmpeg does not say why; trying again.")
