"""What every video source gives: frames with their times, and errors with a state and a sentence."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from moodline.errors import SourceError
from moodline.streams import StreamState

Pixels = NDArray[np.uint8]
"""An image of shape (height, width, 3) in OpenCV's order blue, green, red."""

Pause = Callable[[float], bool]
"""Waits that many seconds; returns False when waiting is over because the process has to stop."""

Wanted = Callable[[float], bool]
"""Says whether a frame will be looked at, by its second on the stream's own clock; asked once for each, in order."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source.

    ``number`` grows within a source (with gaps where frames were skipped), also over reconnects.
    ``captured_at_ms`` is UTC in Unix milliseconds, ``monotonic_s`` this process's monotonic clock
    when the frame was read, ``media_ms`` a recording's own clock (None for live sources).
    ``continues`` is False where the picture does not go on from the one before it, so that no face
    can be followed into it.
    """

    number: int
    pixels: Pixels
    captured_at_ms: int
    monotonic_s: float
    media_ms: float | None
    continues: bool = True

    @property
    def stream_s(self) -> float:
        """Seconds on the stream's own clock: media time of a recording, else the monotonic clock."""
        return self.monotonic_s if self.media_ms is None else self.media_ms / 1000.0


class Source(Protocol):
    """A live or recorded video source; used by one thread at a time."""

    def open(self) -> None:
        """Connect or open. Raises SourceFailure. May be called again after ``close``."""

    def frames(self) -> Iterator[Frame]:
        """Yield the wanted frames until a recording ends, or a live source's pause says stop.

        Raises SourceFailure when a live source gives no more, and where a recording ends otherwise.
        """

    def close(self) -> None:
        """Release the device, connection or file; harmless when nothing is open."""


class SourceFailure(SourceError):  # noqa: N818 - a SourceError by base; the word avoids two names a letter apart
    """A source that cannot be opened or read; ``state`` is what its stream shows."""

    state: ClassVar[StreamState] = "stalled"


class AuthFailed(SourceFailure):
    """The source wants other credentials."""

    state = "auth_failed"


class NotFound(SourceFailure):
    """The server, device or disk answers, but has no such source."""

    state = "not_found"


class Unreachable(SourceFailure):
    """Nothing answers there, or not yet."""

    state = "connecting"


class Stalled(SourceFailure):
    """A connected source gives no more frames."""

    state = "stalled"


class EndedEarly(SourceFailure):
    """A recording that is over before its end, because it is cut off or damaged."""

    state = "ended"


class Stopped(SourceFailure):
    """A recording that was not read to its end, because the process has to stop."""

    state = "stopped"


class Unsupported(SourceFailure):
    """The source answers with something that cannot be decoded."""

    state = "unsupported"


def always(_at_s: float) -> bool:
    """Want every frame."""
    return True


def sleep(seconds: float) -> bool:
    """Wait that long; a Pause that nothing ends."""
    time.sleep(seconds)
    return True


def live_frame(number: int, pixels: Pixels, *, at_s: float | None = None, continues: bool = True) -> Frame:
    """Return a frame captured now, or at a moment ``at_s`` of the monotonic clock that has just passed."""
    now_s = time.monotonic()
    captured_s = now_s if at_s is None else at_s
    captured_at_ms = time.time_ns() // 1_000_000 - round((now_s - captured_s) * 1000)
    return Frame(number, pixels, captured_at_ms, captured_s, None, continues)
