"""Reads a live source on its own thread, keeps only the newest frame, connects again when it breaks."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from ingest.backoff import Backoff
from ingest.beat import Condition
from ingest.sources.base import AuthFailed, Frame, Source, SourceFailure, Stalled
from moodline.redact import redact_line
from moodline.settings import IngestSettings

log = logging.getLogger(__name__)

_WAKE_S: Final = 0.2
_JOIN_S: Final = 2.0
# What a call into OpenCV may take on top of its own timeouts before it counts as hung. Under
# SIGSTOP of the server a read with a timeout of 2 s came back after 6 s.
_HUNG_FACTOR: Final = 3.0
_HUNG_GRACE_S: Final = 10.0


class SourceHungError(Exception):
    """A call into the source never came back; only the end of the process ends it."""


class LiveFeed:
    """The frames of a live source, of which a slow reader misses some but never sees old ones."""

    def __init__(
        self,
        source: Source,
        settings: IngestSettings,
        *,
        shown_url: str,
        slowest_s: float = 0.0,
        seen_s: Callable[[], float] = lambda: -math.inf,
    ) -> None:
        """``slowest_s``: the longest time between two frames of a healthy source, where that is known.

        ``seen_s``: when the source last gave a frame of which nobody wanted a picture, in monotonic seconds.
        """
        self._source = source
        self._shown = shown_url
        self._settings = settings
        self._seen_s = seen_s
        self.slowest(slowest_s)
        self._away = Backoff(settings.backoff_max)
        self._refused = Backoff(settings.backoff_auth, flat=True)
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._condition = Condition("connecting", f"Connecting to {shown_url}.")
        self._was_live = False
        self._last_frame_s = 0.0
        self._busy_since_s: float | None = None
        self.frames = 0
        self.missed = 0
        self.opened = 0
        self._thread = threading.Thread(target=self._run, name="live-feed", daemon=True)

    def slowest(self, slowest_s: float) -> None:
        """Take ``slowest_s`` as the longest time between two frames of a healthy source from now on."""
        read_s = self._settings.read_timeout.total_seconds()
        self._stalled_after_s = max(read_s, 3.0 * slowest_s)
        timeouts_s = self._settings.open_timeout.total_seconds() + read_s
        self._hung_after_s = _HUNG_FACTOR * max(timeouts_s, self._stalled_after_s) + _HUNG_GRACE_S

    @property
    def condition(self) -> Condition:
        """The source's state now; a source that has gone silent is stalled before its read times out."""
        silent_s = time.monotonic() - max(self._last_frame_s, self._seen_s())
        if self._condition.state == "live" and silent_s > self._stalled_after_s:
            return Condition("stalled", f"{self._shown} has given no frame for {silent_s:.0f} s.")
        return self._condition

    @property
    def reconnects(self) -> int:
        """How often the source was opened again after it had been open."""
        return max(0, self.opened - 1)

    def frames_or_none(self) -> Iterator[Frame | None]:
        """Yield the newest frame as soon as there is a new one, and None now and then while there is none.

        Raises SourceHungError.
        """
        self._thread.start()
        while not self._stop.is_set():
            busy_since_s = self._busy_since_s
            if busy_since_s is not None and time.monotonic() - max(busy_since_s, self._seen_s()) > self._hung_after_s:
                raise SourceHungError(f"{self._shown} hangs: a call into OpenCV has not come back.")
            yield self._next()

    def close(self) -> None:
        """Stop reading; returns soon even if the source hangs."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _next(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None, _WAKE_S)
            frame, self._newest = self._newest, None
        return frame

    def _run(self) -> None:
        while not self._stop.is_set():
            failure = self._read()
            if failure is None:
                return
            backoff = self._refused if isinstance(failure, AuthFailed) else self._away
            self._stop.wait(backoff.next_s())

    def _read(self) -> SourceFailure | None:
        """Read until something fails and return what; None when the feed was closed."""
        self._busy_since_s = time.monotonic()
        try:
            self._source.open()
            self.opened += 1
            for frame in self._source.frames():
                self._put(frame)
                if self._stop.is_set():
                    break
        except SourceFailure as failure:
            return self._failed(failure)
        except Exception as error:  # noqa: BLE001 - OpenCV raises what it likes, and the camera must come back
            said = redact_line(f"{type(error).__name__}: {error}")
            return self._failed(Stalled(f"{self._shown} broke off ({said}); connecting again."))
        finally:
            self._source.close()
            self._busy_since_s = None
        return None  # closed, or the source's own pause said that the process stops

    def _put(self, frame: Frame) -> None:
        with self._changed:
            self.frames += 1
            self.missed += self._newest is not None
            self._newest = frame
            self._last_frame_s = self._busy_since_s = frame.monotonic_s
            if self._condition.state != "live":
                self._condition = Condition("live", f"Reading {self._shown}.")
                self._was_live = True
                self._away.reset()
                log.info("Reading %s", self._shown)
            self._changed.notify()

    def _failed(self, failure: SourceFailure) -> SourceFailure:
        state = "stalled" if self._was_live and failure.state == "connecting" else failure.state
        if self._condition != Condition(state, str(failure)):
            log.warning("%s", failure)
        self._condition = Condition(state, str(failure))
        return failure
