"""A recorded video file: every frame, with the times that the file gives them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import cv2

from ingest.diagnosis import diagnose
from ingest.native_stderr import ReadLines, no_lines
from ingest.sources.base import EndedEarly, Frame, NotFound, Unsupported
from ingest.sources.media_clock import MediaClock
from ingest.sources.playback import Playback, Player, RecordedFrame
from ingest.sources.video_capture import CaptureOpener, VideoCapture, check_size, open_with_opencv, retrieve_pixels

# Containers estimate their number of frames; what is this much shorter has been cut off.
_WHOLE: Final = 0.9


class RecordedFile:
    """A video file of this machine; once it is open, ``total_frames`` is what it promises, 0 if nothing."""

    def __init__(
        self,
        path: Path,
        *,
        playback: Playback,
        native_lines: ReadLines = no_lines,
        opener: CaptureOpener = open_with_opencv,
    ) -> None:
        self._path = path
        self._shown = str(path)
        self._player = Player(playback)
        self._native_lines = native_lines
        self._opener = opener
        self._capture: VideoCapture | None = None
        self.total_frames = 0

    def open(self) -> None:
        """Open the file. Raises NotFound, or Unsupported for what FFmpeg cannot decode."""
        if self._capture is None:
            self._capture = self._opened()
            self.total_frames = max(0, round(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def frames(self) -> Iterator[Frame]:
        """Yield every frame; raises EndedEarly after the last one of a file that is cut off or damaged."""
        yield from self._player.play(self.one_pass)

    def one_pass(self) -> Iterator[RecordedFrame]:
        """Open the file and yield what it holds, once; raises what ``open`` and ``frames`` do."""
        self.open()
        capture = self._capture
        if capture is None:
            raise RuntimeError("open() comes first")
        clock = MediaClock(capture)
        count = 0
        while capture.grab():
            yield RecordedFrame(clock.now_ms(), partial(retrieve_pixels, capture), continues=count > 0)
            count += 1
        self.close()
        self._check_end(count)

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _opened(self) -> VideoCapture:
        if not self._path.is_file():
            raise NotFound(f"There is no video file {self._path}: check the stream's url.")
        self._native_lines()
        capture = self._opener(str(self._path), cv2.CAP_FFMPEG, (cv2.CAP_PROP_N_THREADS, 1))
        if not capture.isOpened():
            capture.release()
            unknown = Unsupported(f"{self._path} is no video that FFmpeg can decode.")
            raise diagnose(self._native_lines(), source=str(self._path), otherwise=unknown)
        check_size(capture, source=str(self._path))
        return capture

    def _check_end(self, count: int) -> None:
        """Raise what it is where the recording was over after ``count`` frames, and not at its end."""
        if count == 0:
            raise Unsupported(f"{self._shown} holds no frame that can be decoded: it is damaged or no video.")
        if count < self.total_frames * _WHOLE and self._counts_its_frames():
            raise EndedEarly(
                f"{self._shown} ended early: only {count} of its {self.total_frames} frames can be decoded, so it is "
                "cut off or damaged; what could be read was analysed."
            )

    def _counts_its_frames(self) -> bool:
        return not _is_mpeg_stream(self._path)


def _is_mpeg_stream(path: Path) -> bool:
    """Whether the file is an MPEG transport or programme stream, whatever its name.

    These count no frames and know only their first and last times: FFmpeg's guess from them may be twice the truth.
    """
    with path.open("rb") as file:
        head = file.read(197)
    packets = any(head[at : at + 1] == head[at + size : at + size + 1] == b"G" for at, size in ((0, 188), (4, 192)))
    return packets or head.startswith(b"\x00\x00\x01\xba")
