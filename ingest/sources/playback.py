"""What all recordings share: numbers that go on over loops, media time, pace, and where to resume."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ingest.sources.base import Frame, Pause, Pixels, Stopped, Wanted, always

_ALONE_MS: Final = 1000.0


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """One frame of one pass through a recording; ``decode`` returns None where it is damaged."""

    media_ms: float
    decode: Callable[[], Pixels | None]
    continues: bool


@dataclass(frozen=True, slots=True)
class Playback:
    """How a recording is played.

    ``start_ms`` is the UTC Unix time of its first frame; None takes the moment at which playing
    begins. Frames up to number ``resume_after`` are passed over. ``realtime`` plays at the
    recording's own pace, ``loop`` never ends. What is not ``wanted``, by its media time, is not decoded.
    """

    start_ms: int | None
    pause: Pause
    resume_after: int = -1
    loop: bool = False
    realtime: bool = False
    wanted: Wanted = always


class Span:
    """How long the frames of a recording last; the last one is shown as long as the one before it."""

    def __init__(self) -> None:
        self._last_ms: float | None = None
        self._step_ms = 0.0

    def add(self, media_ms: float) -> None:
        """Take in a frame; the first of them is at 0."""
        self._step_ms, self._last_ms = media_ms - (self._last_ms or 0.0), media_ms

    @property
    def ms(self) -> float:
        """The milliseconds, 0 without a frame; one that is alone is shown for a second."""
        return 0.0 if self._last_ms is None else self._last_ms + (self._step_ms or _ALONE_MS)


class Player:
    """Turns passes through a recording into numbered, timed frames.

    With ``of_now`` each frame of a recording without ``start_ms`` is of the moment when it is read: pictures have no
    clock of their own, and none of them is of the future.
    """

    def __init__(self, playback: Playback, *, of_now: bool = False) -> None:
        self._playback = playback
        self._of_now = of_now and playback.start_ms is None
        self._start_ms = playback.start_ms
        self._played_from: tuple[float, float] | None = None
        self._continues = True

    def play(self, one_pass: Callable[[], Iterator[RecordedFrame]]) -> Iterator[Frame]:
        """Yield the frames of one pass, or with ``loop`` of pass after pass; nothing is dropped."""
        number, offset_ms = 0, 0.0
        while True:
            first, span = number, Span()
            for recorded in one_pass():
                span.add(recorded.media_ms)
                media_ms = offset_ms + recorded.media_ms
                self._continues &= recorded.continues
                if number <= self._playback.resume_after or not self._playback.wanted(media_ms / 1000.0):
                    self._pause(0.0)  # passing over hours of film takes minutes, and signs of life are due
                else:
                    frame = self._frame(number, media_ms, recorded)
                    if frame is not None:
                        yield frame
                number += 1
            count = number - first
            if not self._playback.loop or count == 0:
                return
            passes = 1 + max(0, (self._playback.resume_after + 1 - number) // count)
            number += (passes - 1) * count
            offset_ms += passes * span.ms

    def _frame(self, number: int, media_ms: float, recorded: RecordedFrame) -> Frame | None:
        pixels = recorded.decode()
        if pixels is None:
            return None
        self._wait_until_due(media_ms)
        if self._start_ms is None or self._of_now:
            self._start_ms = time.time_ns() // 1_000_000 - round(media_ms)
        captured_at_ms = self._start_ms + round(media_ms)
        continues, self._continues = self._continues, True
        return Frame(number, pixels, captured_at_ms, time.monotonic(), media_ms, continues)

    def _wait_until_due(self, media_ms: float) -> None:
        if not self._playback.realtime:
            return
        if self._played_from is None:
            self._played_from = (time.monotonic(), media_ms)
        started_s, first_ms = self._played_from
        wait_s = started_s + (media_ms - first_ms) / 1000.0 - time.monotonic()
        if wait_s > 0:
            self._pause(wait_s)

    def _pause(self, seconds: float) -> None:
        if not self._playback.pause(seconds):
            raise Stopped("The recording was stopped.")
