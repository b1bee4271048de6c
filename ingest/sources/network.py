"""Network cameras, RTSP and HTTP in whatever container FFmpeg can read (MJPEG, HLS), and films of web servers."""

import os
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import cv2

from ingest.diagnosis import diagnose
from ingest.native_stderr import ReadLines, no_lines
from ingest.sources.base import (
    EndedEarly,
    Frame,
    Pause,
    SourceFailure,
    Stalled,
    Unreachable,
    Unsupported,
    Wanted,
    always,
    sleep,
)
from ingest.sources.http_answer import http_answer
from ingest.sources.playback import Playback
from ingest.sources.real_time import RealTime
from ingest.sources.recorded import RecordedFile
from ingest.sources.video_capture import (
    CaptureOpener,
    Timeouts,
    VideoCapture,
    check_size,
    live_frames,
    open_with_opencv,
)
from moodline.redact import redact_url
from moodline.settings.source import FILM_SUFFIXES

# FFmpeg watches a new stream for seconds (in microseconds) to learn its frame rate, which nobody here asks for.
_QUICK_START: Final = "analyzeduration;500000|fpsprobesize;0"
_PLAY_LIST: Final = ".m3u8"
# Of a play list that grows, the last piece: FFmpeg itself begins with the third from the end.
_NEWEST_PIECE: Final = "live_start_index;-1"
# A film's server may be away for a moment: FFmpeg goes on where it was.
_FILM: Final = "reconnect;1|reconnect_streamed;1|reconnect_delay_max;4"
# Decoding a camera takes a fraction of a core; more threads would add memory and a frame of delay each.
_ONE_THREAD: Final = (cv2.CAP_PROP_N_THREADS, 1)


class NetworkCamera:
    """A live source over the network. ``transport`` is how RTSP brings its packets.

    HLS (an address that ends in .m3u8) comes in pieces, which are shown at their own pace.
    """

    def __init__(
        self,
        url: str,
        *,
        timeouts: Timeouts,
        transport: Literal["tcp", "udp"] = "tcp",
        native_lines: ReadLines = no_lines,
        opener: CaptureOpener = open_with_opencv,
        wanted: Wanted = always,
        pause: Pause = sleep,
    ) -> None:
        self._url = url
        self._shown = redact_url(url)
        self._timeouts = timeouts
        self._transport = transport
        self._pause = pause
        self._in_pieces = urlsplit(url).path.lower().endswith(_PLAY_LIST)
        self._native_lines = native_lines
        self._opener = opener
        self._wanted = wanted
        self._capture: VideoCapture | None = None
        self._numbers = count()

    def open(self) -> None:
        """Connect; takes at most the open timeout."""
        # OpenCV reads FFmpeg's options from here only. A capture process has one source, so nobody
        # else is meant.
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = self._options()
        self._capture = open_address(
            self._url, timeouts=self._timeouts, native_lines=self._native_lines, opener=self._opener
        )

    def frames(self) -> Iterator[Frame]:
        """Yield frames as they come; raises SourceFailure when none comes in the read timeout."""
        if self._capture is None:
            raise RuntimeError("open() comes first")
        some = False
        grab = RealTime(self._capture, self._pause).grab if self._in_pieces else None
        for frame in live_frames(self._capture, self._numbers, self._wanted, grab=grab):
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

    def _options(self) -> str:
        first = _NEWEST_PIECE if self._in_pieces else f"rtsp_transport;{self._transport}"
        return f"{first}|{_QUICK_START}"


class RemoteFilm(RecordedFile):
    """A video file on a web server, read to its end.

    Where the server goes away before that, ``frames`` raises Unreachable, and who reads on goes on where it was.
    """

    def __init__(
        self,
        url: str,
        *,
        timeouts: Timeouts,
        playback: Playback,
        native_lines: ReadLines = no_lines,
        opener: CaptureOpener = open_with_opencv,
    ) -> None:
        super().__init__(Path(urlsplit(url).path), playback=playback, native_lines=native_lines, opener=opener)
        self._url = url
        self._shown = redact_url(url)
        self._timeouts = timeouts

    def _opened(self) -> VideoCapture:
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = _FILM
        return open_address(self._url, timeouts=self._timeouts, native_lines=self._native_lines, opener=self._opener)

    def _check_end(self, count: int) -> None:
        # A server that went away for good looks like the end of the film, and only FFmpeg's own words tell.
        if count < self.total_frames or not self.total_frames:
            unknown = EndedEarly(f"{self._shown} ended early.")
            failure = diagnose(self._native_lines(), source=self._shown, otherwise=unknown)
            if not isinstance(failure, EndedEarly | Unsupported):
                raise failure
        super()._check_end(count)

    def _counts_its_frames(self) -> bool:
        return self._path.suffix.lower() in FILM_SUFFIXES


def open_address(url: str, *, timeouts: Timeouts, native_lines: ReadLines, opener: CaptureOpener) -> VideoCapture:
    """Connect to ``url``; takes at most the open timeout. Raises SourceFailure."""
    native_lines()
    started = time.monotonic()
    capture = opener(url, cv2.CAP_FFMPEG, [*timeouts.as_params(), *_ONE_THREAD])
    if not capture.isOpened():
        capture.release()
        raise _why_not(url, native_lines(), took_s=time.monotonic() - started, open_s=timeouts.open_s)
    check_size(capture, source=redact_url(url))
    return capture


def _why_not(url: str, lines: Sequence[str], *, took_s: float, open_s: float) -> SourceFailure:
    shown = redact_url(url)
    silence = _silence(shown, took_s, open_s)
    failure = diagnose(lines, source=shown, otherwise=silence)
    if failure is silence and url.lower().startswith("http"):
        failure = diagnose(http_answer(url, timeout_s=open_s), source=shown, otherwise=silence)
    return failure


def _silence(shown: str, took_s: float, open_s: float) -> Unreachable:
    if took_s >= open_s * 0.9:
        return Unreachable(f"{shown} gave no answer in {open_s:g} s; trying again.")
    return Unreachable(f"{shown} cannot be opened, and FFmpeg does not say why; trying again.")
