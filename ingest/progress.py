"""What a capture process has done so far, for Redis, the supervisor and the metrics."""

import time
from collections import Counter, deque
from typing import Final

from ingest.beat import Beat, Condition, Counts
from ingest.sources.base import Frame
from moodline.settings import StreamSettings
from moodline.streams import SkipReason, StreamStatus

_RATE_WINDOW_S: Final = 5.0
# Less than that is not worth a word.
_SLOWED: Final = 0.9


class Progress:
    """Collects what happens to one stream; used by one thread."""

    def __init__(self, stream: StreamSettings) -> None:
        self._stream = stream
        self._analysed_s: deque[float] = deque()
        self._size = (0, 0)
        self._last_frame_at_ms: int | None = None
        self.condition = Condition("connecting", "Waiting for Redis.")
        self.frames = 0
        self.faces = 0
        self.crops = 0
        self.reconnects = 0
        self.position = 0
        self.total = 0
        self.share = 1.0
        self.skipped: Counter[SkipReason] = Counter()

    def analysed(self, frame: Frame) -> None:
        """Take in that a frame was looked at."""
        now = time.monotonic()
        self._analysed_s.append(now)
        self._forget_before(now - _RATE_WINDOW_S)
        height, width = frame.pixels.shape[:2]
        self._size = (width, height)
        self._last_frame_at_ms = frame.captured_at_ms
        self.position = frame.number + 1

    @property
    def is_slowed(self) -> bool:
        """Whether the stream is looked at noticeably less often than it should, for the workers' sake."""
        return self.share < _SLOWED

    @property
    def shown(self) -> Condition:
        """The condition as people see it: with a word on workers that do not keep up."""
        fps = self._stream.fps
        if self.condition.state != "live" or not self.is_slowed or not fps:
            return self.condition
        return Condition(
            "live",
            f"{self.condition.sentence} The workers are slower than this stream: it is looked at "
            f"{fps * self.share:.1f} instead of {fps:g} times a second.",
        )

    def beat(self) -> Beat:
        """Return a sign of life."""
        return Beat(self.shown, self.counts(), self.share)

    def counts(self) -> Counts:
        """Return the totals."""
        return Counts(self.frames, self.faces, self.crops, self.reconnects, dict(self.skipped))

    def status(self) -> StreamStatus:
        """Return what the API shows."""
        width, height = self._size
        shown = self.shown
        return StreamStatus(
            state=shown.state,
            sentence=shown.sentence,
            source=self._stream.shown_url,
            kind="recorded" if self._stream.recorded else "live",
            frames=self.frames,
            faces=self.faces,
            width=width,
            height=height,
            fps=round(self._fps(), 2),
            reconnects=self.reconnects,
            skipped={str(reason): count for reason, count in self.skipped.items()},
            last_frame_at_ms=self._last_frame_at_ms,
            position=self.position,
            total=self.total,
            labels=dict(self._stream.labels),
            preview=self._stream.preview,
        )

    def _fps(self) -> float:
        """Frames analysed a second, over the last seconds."""
        now = time.monotonic()
        self._forget_before(now - _RATE_WINDOW_S)
        times = self._analysed_s
        return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0

    def _forget_before(self, moment_s: float) -> None:
        while self._analysed_s and self._analysed_s[0] < moment_s:
            self._analysed_s.popleft()
