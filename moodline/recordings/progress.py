"""How far an analysis is, and how long it may still take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """``total`` is 0 where the file does not say how many frames it has; None is what is not known."""

    frames: int
    total: int
    faces: int | None
    seconds_left: float | None

    @property
    def percent(self) -> float | None:
        """Percent of the frames; None where their number is unknown."""
        return min(100.0, 100.0 * self.frames / self.total) if self.total else None

    def __str__(self) -> str:
        faces = "" if self.faces is None else f", {self.faces} faces"
        if self.percent is None:
            return f"{self.frames} frames{faces}"
        left = "" if self.seconds_left is None else f", {clock(self.seconds_left)} left"
        return f"{self.frames} of {self.total} frames ({self.percent:.0f}%){faces}{left}"


class Pace:
    """Tells the time left from the frames since the first of this process: what a crashed one did is no measure."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def progress(self, now_s: float, *, frames: int, total: int, faces: int | None) -> Progress:
        """Return the progress at ``now_s``, monotonic seconds."""
        if self._first is None and frames:
            self._first = (now_s, frames)
        return Progress(frames, total, faces, self._seconds_left(now_s, frames, total))

    def _seconds_left(self, now_s: float, frames: int, total: int) -> float | None:
        if self._first is None or not total:
            return None
        started_s, first = self._first
        done, seconds = frames - first, now_s - started_s
        return max(0, total - frames) * seconds / done if done > 0 else None


def clock(seconds: float) -> str:
    """Return a duration as people write it: ``0:09``, ``1:02:03``."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
