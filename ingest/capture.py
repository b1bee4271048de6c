"""Reads one stream: takes its lease, follows its source, analyses frames, delivers their crops."""

import contextlib
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

from ingest.analysis import Analysis
from ingest.backoff import Backoff
from ingest.beat import Condition
from ingest.delivery import Delivery
from ingest.detect.choose import make_detector
from ingest.job import CaptureJob
from ingest.link import EXIT_AWAY, EXIT_DONE, EXIT_FAILED, EXIT_LOST, CaptureLink
from ingest.live_feed import LiveFeed
from ingest.native_stderr import ReadLines, no_lines
from ingest.pace import Pace
from ingest.preview import PreviewMaker
from ingest.progress import Progress
from ingest.pulse import Pulse
from ingest.rate import Sampling
from ingest.recorded_feed import RecordedFeed
from ingest.sources.base import Source, SourceFailure
from ingest.sources.factory import SourceContext, make_source, recording_key
from ingest.trace import traced
from moodline.broker import Broker, connect
from moodline.crop import FrameCrops
from moodline.crop_queue import Reader
from moodline.errors import (
    BrokerError,
    LeaseHeldError,
    LeaseLostError,
    ModelError,
    StreamChangedError,
    StreamEndedError,
)
from moodline.streams import StreamState
from moodline.tracing import Tracing

log = logging.getLogger(__name__)

_REPORT_S: Final = 1.0
_LONGEST_WAIT: Final = timedelta(seconds=2)
_MOST_TRACKS_PER_FRAME: Final = 1024  # the largest max_faces there is
_IN_ORDER: Final = frozenset({"ended", "stopped"})
# That a film's server is away is said once for all tries, by the supervisor.
_LEVELS: Final = {"ended": logging.INFO, "stopped": logging.INFO, "connecting": logging.DEBUG}

Feed = LiveFeed | RecordedFeed
Result = TypeVar("Result")


class Capture:
    """One stream from its source to its crop queue."""

    def __init__(
        self, job: CaptureJob, link: CaptureLink, *, native_lines: ReadLines = no_lines, tracing: Tracing | None = None
    ) -> None:
        self._job = job
        self._stream = job.stream
        self._link = link
        self._native_lines = native_lines
        self._tracing = tracing
        self._progress = Progress(job.stream)
        self._sampling = Sampling(job.stream.fps)
        self._reader: Reader | None = None
        self._redis_is_away = False
        self._is_slowed = False
        interval_s = min(_REPORT_S, job.ingest.reader_lease.total_seconds() / 3)
        self._pulse = Pulse(link.stop, self._report, interval_s=interval_s)

    def run(self) -> int:
        """Read until the stream has ended or failed for good, or has to stop; return the exit code.

        Raises SourceHungError when only the end of this process helps.
        """
        broker = self._patiently(lambda: connect(self._job.redis))
        if broker is None:
            return EXIT_DONE
        with contextlib.closing(broker):
            try:
                self._reader = self._patiently(lambda: self._acquire(broker))
                if self._reader is None:
                    return EXIT_DONE
                self._read(self._reader)
                return self._finish(self._reader)
            except (LeaseLostError, StreamChangedError) as lost:
                log.warning("%s", lost)
                return EXIT_LOST
            except StreamEndedError as ended:
                log.info("%s", ended)
                return EXIT_DONE

    def _acquire(self, broker: Broker) -> Reader:
        recorded = self._stream.recorded
        return Reader.acquire(
            broker,
            self._stream,
            owner=self._job.owner,
            lease=self._job.ingest.reader_lease,
            recorded=recorded,
            run=recording_key(self._stream) if recorded else None,
            declared=self._job.declared,
            once=self._job.once,
        )

    def _read(self, reader: Reader) -> None:
        """Read until the source has ended or failed for good, or the process has to stop."""
        try:
            feed = self._feed(reader)
            analysis = self._analysis(reader)
        except (SourceFailure, ModelError) as error:
            self._progress.condition = Condition("unsupported", str(error))
            return
        preview = PreviewMaker(self._stream, reader.broker)
        pace = Pace(max_age_s=self._stream.max_age.total_seconds(), began_s=time.monotonic())
        delivery = Delivery(reader, self._stream, self._progress, self._pulse, pace)
        with contextlib.closing(feed):
            for frame in feed.frames_or_none():
                self._keep(pace, reader, feed, analysis)
                found = analysis.analyse(frame) if frame is not None else None
                self._observe(feed, analysis)
                if frame is not None and found is not None:
                    self._progress.analysed(frame)
                    self._deliver(delivery, reader, found, frame.monotonic_s)
                preview.offer(analysis.look if found is not None else None)
                if not self._pulse.beat():
                    return
        self._observe(feed, analysis)

    def _deliver(self, delivery: Delivery, reader: Reader, found: FrameCrops, captured_s: float) -> None:
        ids = [reader.crop_id(found.frame, crop.face) for crop in found.crops] if self._tracing else []
        with traced(self._tracing, found, stream=self._stream.id, ids=ids, captured_s=captured_s) as frame:
            delivery.deliver(frame, captured_s=captured_s)

    def _keep(self, pace: Pace, reader: Reader, feed: Feed, analysis: Analysis) -> None:
        """Look as often as the workers keep up with."""
        share = pace.step(time.monotonic())
        if share == self._progress.share:
            return
        analysis.look_at(share)
        if self._stream.fps:
            self._sampling.rate.set(self._stream.fps * share)
        if isinstance(feed, LiveFeed):
            feed.slowest(self._slowest_s(share))
        reader.share = self._progress.share = share
        if self._progress.is_slowed and not self._is_slowed:
            log.warning("The workers are slower than stream %s: it is looked at less often.", self._stream.id)
            self._is_slowed = True
        elif share == 1.0 and self._is_slowed:
            log.info("The workers keep up with stream %s again.", self._stream.id)
            self._is_slowed = False

    def _feed(self, reader: Reader) -> Feed:
        settings, url = self._job.ingest, self._stream.shown_url
        if self._stream.recorded:
            return RecordedFeed(self._source(reader, self._pulse.wait), shown_url=url)
        # The feed reads on a thread of its own, which leaves the reports to this one.
        stop = self._link.stop
        source = self._source(reader, lambda seconds: not stop.wait(seconds))
        sampling = self._sampling
        return LiveFeed(source, settings, shown_url=url, slowest_s=self._slowest_s(1.0), seen_s=lambda: sampling.seen_s)

    def _slowest_s(self, share: float) -> float:
        return 1.0 / ((self._stream.fps or 1.0) * share)

    def _source(self, reader: Reader, pause: Callable[[float], bool]) -> Source:
        context = SourceContext(
            pause,
            self._native_lines,
            resume_after=reader.resume_frame,
            broker=reader.broker,
            wanted=self._sampling,
        )
        return make_source(self._stream, self._job.ingest, context)

    def _analysis(self, reader: Reader) -> Analysis:
        detector = make_detector(self._stream, self._job.yunet_model)
        # No frame begins more tracks than this, so an earlier reader of the run gave none of these numbers.
        first_track = (reader.resume_frame + 1) * _MOST_TRACKS_PER_FRAME + 1
        return Analysis(self._stream, detector, prefix=reader.run, first_track=first_track)

    def _observe(self, feed: Feed, analysis: Analysis) -> None:
        progress = self._progress
        progress.condition = feed.condition
        left_out = self._sampling.left_out
        progress.frames, progress.faces, progress.reconnects = feed.frames + left_out, analysis.faces, feed.reconnects
        if isinstance(feed, RecordedFeed):
            progress.total = feed.total
        progress.skipped["rate"] = analysis.skipped["rate"] + feed.missed + left_out
        progress.skipped["motion"] = analysis.skipped["motion"]
        progress.skipped["budget"] = analysis.skipped["budget"]

    def _finish(self, reader: Reader) -> int:
        """Give the lease back with the stream's last state; return the exit code."""
        condition = self._progress.condition
        if self._link.stop.is_set() and condition.state != "ended":
            condition = Condition("stopped", self._link.why or f"Ingest stopped reading {self._stream.shown_url}.")
        self._progress.condition = condition
        log.log(_LEVELS.get(condition.state, logging.ERROR), "%s", condition.sentence)
        backoff = Backoff(_LONGEST_WAIT)
        while True:
            try:
                reader.release(self._progress.status())
                break
            except BrokerError as error:
                log.warning("The end of stream %s is not yet recorded: %s", self._stream.id, error)
                if not self._pulse.wait(backoff.next_s()):
                    break
        self._link.send(self._progress.beat())
        if condition.state == "connecting":  # a film whose server is away
            return EXIT_AWAY
        return EXIT_DONE if condition.state in _IN_ORDER else EXIT_FAILED

    def _patiently(self, step: Callable[[], Result]) -> Result | None:
        """Repeat a step while Redis is away or another ingest has the stream.

        Returns None when the process has to stop.
        """
        backoff = Backoff(_LONGEST_WAIT)
        while self._pulse.beat():
            try:
                return step()
            except (BrokerError, LeaseHeldError) as error:
                self._say("connecting", str(error))
            self._pulse.wait(backoff.next_s())
        return None

    def _say(self, state: StreamState, sentence: str) -> None:
        condition = Condition(state, sentence)
        if condition != self._progress.condition:
            self._progress.condition = condition
            log.info("%s", sentence)

    def _report(self) -> None:
        """Renew the lease and tell Redis and the supervisor how the stream is. Raises LeaseLostError."""
        self._link.send(self._progress.beat())
        if self._reader is None:
            return
        try:
            self._reader.report(self._progress.status())
        except BrokerError as error:
            if not self._redis_is_away:
                log.warning("%s", error)
            self._redis_is_away = True
        else:
            if self._redis_is_away:
                log.info("Redis is back.")
            self._redis_is_away = False
