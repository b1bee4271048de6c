"""Hands frames to the crop queue. Recordings wait for room, and all wait for Redis to come back."""

import logging
import time
from dataclasses import replace
from datetime import timedelta
from typing import Final

from ingest.backoff import Backoff
from ingest.pace import Pace
from ingest.progress import Progress
from ingest.pulse import Pulse
from moodline.crop import FrameCrops
from moodline.crop_queue import Reader
from moodline.errors import BrokerError
from moodline.settings import StreamSettings

log = logging.getLogger(__name__)

_FULL_WAIT_S: Final = 0.02
_BROKER_WAIT: Final = timedelta(seconds=2)


class Delivery:
    """Delivers the frames of one stream, through one reader, in their order."""

    def __init__(self, reader: Reader, stream: StreamSettings, progress: Progress, pulse: Pulse, pace: Pace) -> None:
        self._reader = reader
        self._recorded = stream.recorded
        self._max_age_s = stream.max_age.total_seconds()
        self._progress = progress
        self._pulse = pulse
        self._pace = pace
        self._backoff = Backoff(_BROKER_WAIT)
        self._undelivered_ends: tuple[str, ...] = ()

    def deliver(self, frame: FrameCrops, *, captured_s: float) -> bool:
        """Deliver a frame captured at ``captured_s`` (monotonic); return False when the process has to stop.

        A live frame that cannot be delivered within ``max_age`` is given up and its crops are
        counted as skipped (``admission``), also where it was the reply alone that never came; of a
        recording nothing is ever given up. Raises LeaseLostError.
        """
        frame = replace(frame, ended_tracks=self._undelivered_ends + frame.ended_tracks)
        if not (self._recorded or frame.crops or frame.ended_tracks):
            return True
        while (wait_s := self._try(frame, captured_s)) is not None:
            if not self._recorded and time.monotonic() - captured_s > self._max_age_s:
                self._give_up(frame)
                return True
            if not self._pulse.wait(wait_s):
                return False
        self._undelivered_ends = ()
        return True

    def _try(self, frame: FrameCrops, captured_s: float) -> float | None:
        """Offer a frame once; return the seconds to wait before the next try, or None after the last."""
        try:
            answer = self._reader.enqueue(frame, age_ms=(time.monotonic() - captured_s) * 1000.0)
        except BrokerError as error:
            wait_s = self._backoff.next_s()
            log.debug("Frame %d waits %.1f s: %s", frame.frame, wait_s, error)
            return wait_s
        self._backoff.reset()
        if answer.status == "full":
            return _FULL_WAIT_S
        # A duplicate is a frame whose reply was lost: a reader begins behind what others had accepted.
        self._progress.crops += len(frame.crops)
        if answer.status == "accepted":
            self._pace.took(answer, time.monotonic())
        return None

    def _give_up(self, frame: FrameCrops) -> None:
        self._progress.skipped["admission"] += len(frame.crops)
        self._undelivered_ends = frame.ended_tracks
