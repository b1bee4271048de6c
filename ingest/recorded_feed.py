"""Reads a recording on the caller's thread: every frame, in order, as fast as it is wanted."""

from collections.abc import Iterator

from ingest.beat import Condition
from ingest.sources.base import Frame, Source, SourceFailure


class RecordedFeed:
    """The frames of a recording, once through."""

    def __init__(self, source: Source, *, shown_url: str) -> None:
        self._source = source
        self._shown = shown_url
        self.condition = Condition("connecting", f"Opening {shown_url}.")
        self.frames = 0
        self.missed = 0
        self.reconnects = 0

    @property
    def total(self) -> int:
        """Frames that the recording promises; 0 where it says nothing."""
        return getattr(self._source, "total_frames", 0)

    def frames_or_none(self) -> Iterator[Frame | None]:
        """Yield every frame. When it is through, ``condition`` says how the recording ended."""
        try:
            self._source.open()
            self.condition = Condition("live", f"Reading {self._shown}.")
            for frame in self._source.frames():
                self.frames += 1
                yield frame
            self.condition = Condition("ended", f"{self._shown} was read to its end.")
        except SourceFailure as failure:
            self.condition = Condition(failure.state, str(failure))

    def close(self) -> None:
        """Close the file."""
        self._source.close()
