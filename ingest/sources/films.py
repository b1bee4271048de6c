"""Video files as one recording, one after the other."""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from ingest.native_stderr import ReadLines, no_lines
from ingest.sources.base import EndedEarly, Frame, Pixels, SourceFailure, Unsupported
from ingest.sources.playback import Playback, Player, RecordedFrame, Span
from ingest.sources.recorded import RecordedFile
from ingest.sources.video_capture import CaptureOpener, open_with_opencv

log = logging.getLogger(__name__)

_NAMED: Final = 3


class Films:
    """Video files in the order given: the first frame of each follows the last one of the file before.

    Of a file that is damaged is played what can be decoded, and then the next one.
    """

    def __init__(
        self,
        files: Sequence[Path],
        *,
        shown: str,
        playback: Playback,
        native_lines: ReadLines = no_lines,
        opener: CaptureOpener = open_with_opencv,
    ) -> None:
        """``shown`` names the files together, for people."""
        self._files = files
        self._shown = shown
        self._playback = playback
        self._native_lines = native_lines
        self._opener = opener
        self._player = Player(playback)
        self._film: RecordedFile | None = None
        self._damaged: dict[Path, None] = {}
        self._count = 0

    def open(self) -> None:
        """Do nothing: a file is opened when its turn has come."""

    def frames(self) -> Iterator[Frame]:
        """Yield every frame of every file.

        At the end raises EndedEarly where files were damaged, and Unsupported where no frame could be decoded.
        """
        yield from self._player.play(self._one_pass)
        if self._count == 0:
            raise Unsupported(f"No video at {self._shown} can be decoded: they are damaged or no videos.")
        if self._damaged:
            raise EndedEarly(self._what_is_damaged())

    def close(self) -> None:
        """Close the file that is open."""
        if self._film is not None:
            self._film.close()
            self._film = None

    def _one_pass(self) -> Iterator[RecordedFrame]:
        begin_ms = 0.0
        for path in self._files:
            span = Span()
            for frame in self._of_one(path):
                span.add(frame.media_ms)
                yield RecordedFrame(begin_ms + frame.media_ms, frame.decode, frame.continues)
            begin_ms += span.ms

    def _of_one(self, path: Path) -> Iterator[RecordedFrame]:
        """Yield what one file holds, its first frame at 0."""
        film = RecordedFile(path, playback=self._playback, native_lines=self._native_lines, opener=self._opener)
        self._film, first_ms = film, None
        try:
            for frame in film.one_pass():
                first_ms = frame.media_ms if first_ms is None else first_ms
                self._count += 1
                decode = partial(self._decode, path, frame.decode)
                yield RecordedFrame(frame.media_ms - first_ms, decode, frame.continues)
        except SourceFailure as failure:
            self._note(path, failure)
        finally:
            self.close()

    def _decode(self, path: Path, decode: Callable[[], Pixels | None]) -> Pixels | None:
        try:
            return decode()
        except SourceFailure as failure:
            self._note(path, failure)
            return None

    def _note(self, path: Path, failure: SourceFailure) -> None:
        if path not in self._damaged:
            log.warning("%s The other videos are read all the same.", failure)
        self._damaged[path] = None

    def _what_is_damaged(self) -> str:
        names = [path.name for path in self._damaged]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return (
            f"{self._shown} was read to its end, but {len(names)} of its {len(self._files)} videos could not be read "
            f"whole: {', '.join(names[:_NAMED])}{more}."
        )
