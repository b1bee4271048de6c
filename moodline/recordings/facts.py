"""What is known of an analysed video besides its events."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """One analysis.

    ``total``: frames that the file promises (0: it says nothing); ``sentence``: how reading the video ended;
    ``complete``: whether to its end; ``missing``: events that had left the feed before they were collected; ``took_s``:
    of the last process, before which others had read ``frames_before`` frames.
    """

    video: str
    started_at: datetime
    frames: int
    frames_before: int
    total: int
    width: int
    height: int
    last_frame_at_ms: int | None
    took_s: float
    complete: bool
    sentence: str
    faces: int
    accepted: int
    dropped: int
    missing: int

    @property
    def duration_s(self) -> float:
        """Length of what was read, in seconds of the video."""
        if self.last_frame_at_ms is None or not self.frames:
            return 0.0
        to_last = max(0.0, self.last_frame_at_ms / 1000 - self.started_at.timestamp())
        # The last frame is shown as long as those before it.
        return to_last + to_last / max(1, self.frames - 1)

    @property
    def times_real_time(self) -> float | None:
        """How many times as fast as it plays the last process has analysed it; None where there is nothing to tell."""
        frames_here = self.frames - self.frames_before
        if frames_here <= 0 or not self.took_s:
            return None
        return round(self.duration_s * frames_here / self.frames / self.took_s, 2)
