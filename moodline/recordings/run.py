"""The story of an analysis: read the video, collect its events until the last one is there, write the results."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from moodline.broker import Broker
from moodline.errors import BrokerError, ConfigError, MoodlineError
from moodline.event import latest_cursor
from moodline.purge import forget
from moodline.recordings.checkpoint import Checkpoint, fingerprint, locked, new_checkpoint, read_checkpoint
from moodline.recordings.collect import EVENTS, Collector
from moodline.recordings.facts import Facts
from moodline.recordings.progress import Pace, Progress
from moodline.recordings.reading import Reading, ReadingFailedError
from moodline.recordings.results import write_results
from moodline.settings.source import source_kind
from moodline.streams import StreamState, StreamView, stream_view

DETECT_FPS: Final = 5.0
"""How often the detector looks; between its looks faces are followed, so every frame has its boxes."""
_BLOCK_MS: Final = 200
_AWAY_S: Final = 1.0
_DRAINED_S: Final = 3.0
_NOBODY_S: Final = 20.0
_OVER: Final[frozenset[StreamState]] = frozenset({"ended", "not_found", "unsupported"})

NO_WORKER: Final = (
    f"No worker has taken a face for {_NOBODY_S:.0f} s: is one running (`moodline worker`)? The analysis waits."
)


class AnalysisFailedError(MoodlineError):
    """The video cannot be analysed; the message says why."""


class AnalysisStoppedError(MoodlineError):
    """The analysis was stopped before its end; what there is so far has been written."""

    exit_code = 130


@dataclass(frozen=True, slots=True)
class Options:
    """What is wanted of one video. ``name``: for people.

    ``stream``: its id, which stands for this one analysis, so that one that is done is not done again; else a new one.
    """

    video: Path
    folder: Path
    annotate: bool = False
    show_faces: bool = False
    detect_fps: float | None = DETECT_FPS
    stream: str | None = None
    name: str | None = None
    config: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watch:
    """What an analysis tells while it runs; ``check`` is asked often and may raise to end it."""

    progress: Callable[[Progress], None] = lambda _progress: None
    line: Callable[[str], None] = lambda _line: None
    notice: Callable[[str], None] = lambda _sentence: None
    check: Callable[[], None] = lambda: None


def analyse(options: Options, broker: Broker, stop: threading.Event, watch: Watch) -> Facts:
    """Analyse a video, or go on where an earlier process was stopped, and return what came of it.

    The annotated video is the next step, ``annotate``: one that was stopped in that has nothing to read again.
    Raises ConfigError for what is no video file, FolderBusyError, AnalysisStoppedError where ``stop`` was set first,
    and AnalysisFailedError.
    """
    check_video(options.video)
    options.folder.mkdir(parents=True, exist_ok=True)
    with locked(options.folder):
        checkpoint = _checkpoint(options, broker)
        if checkpoint.facts is not None:
            _finish(options, broker, checkpoint, checkpoint.facts)
            return checkpoint.facts
        with Collector(broker, checkpoint.stream, options.folder, after=checkpoint.cursor) as collector:
            session = _Session(options, broker, checkpoint, collector, watch)
            try:
                facts = _run(session, stop)
            except AnalysisFailedError:
                _finish(options, broker, checkpoint, None)
                raise
        write_results(options.folder, facts)
        if not facts.complete:
            raise AnalysisStoppedError(f"Stopped after {session.latest}; the results in {options.folder} end there.")
        _finish(options, broker, checkpoint, facts)
        return facts


def _run(session: "_Session", stop: threading.Event) -> Facts:
    try:
        session.run(stop)
    finally:
        session.close()
    return session.facts()


def _finish(options: Options, broker: Broker, checkpoint: Checkpoint, facts: Facts | None) -> None:
    """Nothing is left to read: the results are in the folder, and Redis keeps only what is in the feed."""
    finished = checkpoint.finished or facts is None or not options.annotate
    checkpoint.model_copy(update={"facts": facts, "finished": finished}).save(options.folder)
    if stream_view(broker, checkpoint.stream) is not None:  # else an earlier process has come that far
        forget(broker, checkpoint.stream)


def check_video(video: Path) -> None:
    """Raise ConfigError for what is no file that could be a video."""
    if not video.is_file():
        raise ConfigError(f"There is no video file {video}: check its name.")
    if source_kind(str(video)) != "file":
        raise ConfigError(f"{video} is a picture and no video; `moodline up --source {video}` takes pictures.")


def unfinished(options: Options) -> Checkpoint | None:
    """Return what an earlier process has left of this analysis, or None where there is nothing to go on with."""
    known = read_checkpoint(options.folder)
    if known is None or known.recording != fingerprint(options.video) or options.stream not in {None, known.stream}:
        return None
    return known if options.stream is not None or not known.finished else None


def _checkpoint(options: Options, broker: Broker) -> Checkpoint:
    """Return where to go on, or a new beginning: without its stream in Redis there is nothing to go on from."""
    known = unfinished(options)
    if known is not None and (known.facts is not None or stream_view(broker, known.stream) is not None):
        return known
    (options.folder / EVENTS).unlink(missing_ok=True)
    begun = new_checkpoint(options.video, latest_cursor(broker), stream=options.stream)
    begun.save(options.folder)
    return begun


class _Session:
    """One process's part of an analysis."""

    def __init__(
        self, options: Options, broker: Broker, checkpoint: Checkpoint, collector: Collector, watch: Watch
    ) -> None:
        self._options = options
        self._broker = broker
        self._checkpoint = checkpoint
        self._collector = collector
        self._watch = watch
        self._reading = Reading(self._environment(), _arguments(options), watch.line)
        self._pace = Pace()
        self._started_s = time.monotonic()
        self._begun = False
        self._moved = (self._started_s, 0)
        self._view: StreamView | None = stream_view(broker, checkpoint.stream)
        self._frames_before = self._view.status.position if self._view and self._view.status else 0
        self.latest = Progress(0, 0, 0, None)
        self._stopped = False

    def run(self, stop: threading.Event) -> None:
        """Read and collect until all is there, or until ``stop`` is set; then stop in the order of the data."""
        while not stop.is_set():
            self._watch.check()
            try:
                if self._step():
                    return
            except BrokerError as error:
                self._watch.notice(str(error))
                stop.wait(_AWAY_S)
        self._stopped = True
        self._reading.stop()
        self._drain()

    def close(self) -> None:
        """End the reading at once, and keep how far the events are collected."""
        self._reading.kill()
        self._checkpoint.model_copy(update={"cursor": self._collector.cursor}).save(self._options.folder)

    def facts(self) -> Facts:
        """Return what is known of the video besides its events. Raises AnalysisFailedError for what is no video."""
        view = self._view
        status = view.status if view else None
        if status is not None and status.state in _OVER and (status.state != "ended" or not status.position):
            raise AnalysisFailedError(self._told(status.sentence))
        if view is None or status is None or not status.position:
            raise AnalysisStoppedError(f"{self._name} was stopped before its first frame.")
        return Facts(
            video=self._name,
            started_at=self._checkpoint.start_at,
            frames=status.position,
            frames_before=self._frames_before,
            total=status.total,
            width=status.width,
            height=status.height,
            last_frame_at_ms=status.last_frame_at_ms,
            took_s=round(time.monotonic() - self._started_s, 2),
            complete=not self._stopped,
            sentence=self._told(status.sentence),
            faces=self._collector.emotions,
            accepted=view.ledger.accepted,
            dropped=sum(view.ledger.dropped.values()),
            missing=max(0, view.ledger.events - self._collector.emotions),
        )

    @property
    def _name(self) -> str:
        return self._options.name or self._options.video.name

    def _told(self, sentence: str) -> str:
        """Return a sentence of ingest without the folder, which is nothing to those who handed a video in."""
        return sentence.replace(str(self._options.video.absolute()), self._name)

    def _step(self) -> bool:
        """Collect what has come; return whether the last event has."""
        # In this order: a process that has ended has said so before, and what is judged stands in the feed already.
        running = self._reading.running
        self._view = view = stream_view(self._broker, self._checkpoint.stream)
        new = self._collector.poll(_BLOCK_MS)
        self._tell(view)
        if view is None or view.status is None or view.status.state not in _OVER:
            if not running:
                self._read_on()
            return False
        return new == 0 and view.ledger.queued == 0 and view.open_tracks == 0

    def _read_on(self) -> None:
        if not self._begun:
            self._begun = True
            return self._reading.start()
        try:
            self._reading.again()
        except ReadingFailedError as error:
            raise AnalysisFailedError(str(error)) from error
        return None

    def _tell(self, view: StreamView | None) -> None:
        status = view.status if view else None
        if view is None or status is None:
            return
        now = time.monotonic()
        self.latest = self._pace.progress(
            now, frames=status.position, total=status.total, faces=self._collector.emotions
        )
        self._watch.progress(self.latest)
        since, events = self._moved
        if view.ledger.events != events or not view.ledger.queued:
            self._moved = (now, view.ledger.events)
        elif now - since > _NOBODY_S:
            self._watch.notice(NO_WORKER)
            self._moved = (now, events)

    def _drain(self) -> None:
        deadline = time.monotonic() + _DRAINED_S
        while time.monotonic() < deadline:
            try:
                self._view = view = stream_view(self._broker, self._checkpoint.stream)
                new = self._collector.poll(_BLOCK_MS)
            except BrokerError:
                return
            self._tell(view)
            if view is None or (view.ledger.queued == 0 and new == 0):
                return

    def _environment(self) -> dict[str, str]:
        stream = {
            "id": self._checkpoint.stream,
            "url": str(self._options.video.absolute()),
            "start_at": self._checkpoint.start_at.isoformat(),
            "detect_fps": self._options.detect_fps,
        }
        own = {"MOODLINE_STREAMS": json.dumps([stream]), "MOODLINE_INGEST__METRICS_PORT": "0"}
        return {**os.environ, "PYTHONUNBUFFERED": "1", **self._options.env, **own}


def _arguments(options: Options) -> Sequence[str]:
    return ["--config", str(options.config)] if options.config else []
