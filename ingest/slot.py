"""One stream's place under the supervisor: its process, and what happens when that ends."""

import logging
import time
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from typing import Final

from ingest.backoff import Backoff
from ingest.beat import Beat, Counts
from ingest.child import CaptureProcess
from ingest.job import CaptureJob
from ingest.link import EXIT_AWAY, EXIT_DONE, EXIT_FAILED, EXIT_LOST
from moodline.lifecycle import STOP_WITHIN_S
from moodline.metrics import CounterName, Metrics
from moodline.streams import SKIP_REASONS

log = logging.getLogger(__name__)

_LONGEST_RESTART: Final = timedelta(seconds=3)
# A process that has run for this long was in order: what ends it then is a new trouble.
_STEADY_S: Final = 30.0
# What is left of the time to stop is for killing and clearing up.
ORDERLY_S: Final = STOP_WITHIN_S - 2.0
# A recording goes on where it was, and so comes again to what ended its process.
_MOST_CRASHES: Final = 5


class Slot:
    """Keeps one stream's capture process running until the stream has ended, failed for good, or is to be left.

    ``finished``: no process runs, and none will. Then ``failed`` and ``ended`` tell how it came, and where neither is
    set, the stream was left to others. ``gave_up``: a sentence for its state, which its processes could not leave.
    """

    def __init__(
        self, context: ForkServerContext, job: CaptureJob, metrics: Metrics, *, label: str | None = None
    ) -> None:
        """``label``: the stream's name in the metrics, where that is not its id."""
        self._context = context
        self.job = job
        self._counters = _StreamCounters(metrics, label or job.stream.id)
        self._backoff = Backoff(_LONGEST_RESTART)
        self._start_at_s = 0.0
        self._started_s = 0.0
        self._stop_by_s: float | None = None
        self._crashes = 0
        self._last_words = ""
        self._awaited = ""
        self.made_s = time.monotonic()
        self.process: CaptureProcess | None = None
        self.finished = False
        self.failed = False
        self.ended = False
        self.gave_up = ""

    def step(self) -> None:
        """Take in what the process has said, and start, restart or end it as needed."""
        if self.process is None:
            if not self.finished and time.monotonic() >= self._start_at_s:
                self._start()
            return
        exit_code = self.process.exit_code
        self._hear(self.process)
        if exit_code is not None:
            self._ended(self.process, exit_code)
        elif self._stop_by_s is not None and time.monotonic() > self._stop_by_s:
            self.close(self.process)
            self.finished = True
        elif self.process.is_hung:
            log.error("The process of stream %s gives no sign of life and is killed.", self.job.stream.id)
            self.close(self.process)
            self._start_again()

    def leave(self, why: str) -> None:
        """Read the stream no longer: ``finished`` as soon as its process has ended. ``why``: a sentence."""
        if self._stop_by_s is not None:
            return
        self._stop_by_s = time.monotonic() + ORDERLY_S
        if self.process is None:
            self.finished = True
        else:
            self.process.ask_to_stop(why)

    def close(self, process: CaptureProcess) -> None:
        """Take in a process's last words, and end it if it still runs."""
        self._hear(process)
        process.kill()
        self.process = None

    def _hear(self, process: CaptureProcess) -> None:
        for beat in process.beats():
            self._counters.update(beat)
            self._last_words = beat.condition.sentence

    def forget(self, *, is_gone: bool) -> None:
        """Take the stream out of what the metrics say of now; ``is_gone``: out of its counts, too."""
        self._counters.forget(is_gone=is_gone)

    def _start(self) -> None:
        self._started_s = time.monotonic()
        try:
            self.process = CaptureProcess(self._context, self.job)
        except (OSError, EOFError) as error:  # no memory or no descriptors left, no fork server: perhaps later
            log.error("No process can be started for stream %s: %r", self.job.stream.id, error)  # noqa: TRY400
            self._start_again()
            return
        self._counters.new_process()
        log.debug("Stream %s is read by process %s", self.job.stream.id, self.process.pid)

    def _ended(self, process: CaptureProcess, exit_code: int) -> None:
        self.close(process)
        is_left = self._stop_by_s is not None
        if is_left or exit_code in {EXIT_DONE, EXIT_FAILED, EXIT_LOST}:
            self.finished = True
            self.failed = exit_code == EXIT_FAILED and not is_left
            self.ended = exit_code == EXIT_DONE and not is_left
            return
        if exit_code == EXIT_AWAY:
            self._waits(self._last_words)
        else:
            how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
            log.warning("The process of stream %s ended with %s.", self.job.stream.id, how)
        self._start_again()

    def _waits(self, sentence: str) -> None:
        """Say why a recording is tried again, where nothing else was said last."""
        if sentence != self._awaited:
            log.warning("%s", sentence)
            self._awaited = sentence

    def _start_again(self) -> None:
        if time.monotonic() - self._started_s > _STEADY_S:
            self._backoff.reset()
            self._crashes = 0
        self._crashes += 1
        is_ours = self.job.stream.recorded and self.job.stream.kind != "http"  # a server may be away for long
        if is_ours and self._crashes >= _MOST_CRASHES:
            log.error("Stream %s is given up: reading it failed %d times.", self.job.stream.id, self._crashes)
            self.gave_up = f"It is given up: reading {self.job.stream.shown_url} failed {self._crashes} times."
            self.finished = self.failed = True
        self._start_at_s = time.monotonic() + self._backoff.next_s()


_COUNTS: Final[tuple[CounterName, ...]] = ("frames", "faces", "crops", "reconnects")


class _StreamCounters:
    """Adds up the totals of one stream's processes, each of which counts from zero, in the metrics."""

    def __init__(self, metrics: Metrics, stream: str) -> None:
        self._frames = metrics.counter("frames").labels(stream)
        self._faces = metrics.counter("faces").labels(stream)
        self._crops = metrics.counter("crops").labels(stream)
        self._reconnects = metrics.counter("reconnects").labels(stream)
        self._skipped = {reason: metrics.counter("skipped").labels(stream, reason) for reason in SKIP_REASONS}
        self._metrics, self._stream = metrics, stream
        self._share = metrics.gauge("rate_share").labels(stream)
        self._share.set(1.0)
        self._last = Counts()

    def new_process(self) -> None:
        self._last = Counts()

    def update(self, beat: Beat) -> None:
        counts = beat.counts
        last, self._last = self._last, counts
        self._share.set(beat.share)
        self._frames.inc(counts.frames - last.frames)
        self._faces.inc(counts.faces - last.faces)
        self._crops.inc(counts.crops - last.crops)
        self._reconnects.inc(counts.reconnects - last.reconnects)
        for reason, counter in self._skipped.items():
            counter.inc(counts.skipped.get(reason, 0) - last.skipped.get(reason, 0))

    def forget(self, *, is_gone: bool) -> None:
        """Remove the stream's share; ``is_gone``: its counts, too, so that names do not pile up for ever."""
        self._metrics.gauge("rate_share").remove(self._stream)
        if is_gone:
            for name in _COUNTS:
                self._metrics.counter(name).remove(self._stream)
            for reason in self._skipped:
                self._metrics.counter("skipped").remove(self._stream, reason)
