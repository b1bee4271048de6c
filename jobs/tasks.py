"""What RQ calls: does one job, and records how it goes and how it has ended."""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from rq import Retry

from jobs.analysing import do_analysis, forget_analysis
from jobs.training import do_training
from moodline.errors import BrokerError, MoodlineError
from moodline.jobs.files import JobFiles
from moodline.jobs.record import RETRIES, JobRecord, now
from moodline.jobs.store import JobStore
from moodline.metrics import Metrics
from moodline.recordings.checkpoint import FolderBusyError
from moodline.recordings.progress import Progress
from moodline.recordings.run import AnalysisStoppedError
from moodline.settings import Settings

log = logging.getLogger(__name__)

_AS_OFTEN_AS_IT_TAKES: Final = Retry(max=1_000_000)
"""For a job that its worker has given back in order: being stopped is no failure."""
_LOOK_S: Final = 1.0
_STILL_DONE_S: Final = 5.0
_BACK_WITHIN_S: Final = 60.0


class Bench:
    """Where jobs are done: the settings, the records, the files, and the wish to stop."""

    current: "Bench | None" = None
    """The bench of this process: RQ calls a function by its name, and can hand it nothing but text."""

    def __init__(
        self, settings: Settings, store: JobStore, files: JobFiles, metrics: Metrics, stop: threading.Event
    ) -> None:
        self.settings = settings
        self.store = store
        self.files = files
        self.stop = stop
        self._ended = metrics.counter("jobs_ended")

    def wire(self) -> None:
        """Make this the bench on which ``perform`` works."""
        Bench.current = self

    def ended(self, job: str, state: str, sentence: str) -> None:
        """Record how a job has ended."""
        record = self.store.get(job)
        if record is not None and not record.ended:
            self.store.end(job, state, sentence)  # type: ignore[arg-type]  # one of JobState
            self._ended.labels(record.kind, state).inc()
            log.info("Job %s (%s) is %s: %s", job, record.name, state, sentence)

    def abandoned(self, job: str, *, retries_left: int, why: str = "Its worker has died") -> None:
        """Record that a worker has died with a job, or has lost Redis in its middle."""
        if retries_left:
            log.warning("Job %s: %s; another worker goes on.", job, why)
            self.store.update(job, state="waiting", sentence=f"{why}; another one goes on.")
        else:
            self.ended(job, "failed", f"{why}, {RETRIES + 1} times in all: look into the log of jobs.")
            self.files.drop_upload(job)
            self.forget(job)

    def await_redis(self) -> None:
        """Return when the server of the jobs answers again, and after a minute in any case: RQ goes on from there."""
        deadline = time.monotonic() + _BACK_WITHIN_S
        while time.monotonic() < deadline:
            try:
                with self.store.errors():
                    self.store.client.ping()
            except BrokerError:
                if self.stop.wait(_LOOK_S):
                    return
            else:
                return

    def forget(self, job: str) -> None:
        """Delete what Redis holds of an analysis that will not go on, as soon as that can be."""
        try:
            forget_analysis(self.settings, job)
        except MoodlineError as error:
            log.warning("The stream of job %s stays until `moodline purge` removes it: %s", job, error)


@dataclass(slots=True)
class Task:
    """One job that is being done. ``stop`` is set where it has to end, for whatever reason."""

    bench: Bench
    record: JobRecord
    stop: threading.Event
    _told_s: float = 0.0

    def tell(self, progress: Progress) -> None:
        """Record the progress, once a second."""
        if time.monotonic() - self._told_s < _LOOK_S:
            return
        self._told_s = time.monotonic()
        # Whoever draws a video knows nothing of its faces, which are counted by then.
        faces = {} if progress.faces is None else {"faces": progress.faces}
        self.say(
            **faces,
            steps=progress.frames,
            total=progress.total,
            seconds_left=None if progress.seconds_left is None else round(progress.seconds_left, 1),
            sentence=f"{progress}.",
        )

    def notice(self, sentence: str) -> None:
        """Record what whoever waits has to know."""
        log.warning("Job %s: %s", self.record.id, sentence)
        self.say(sentence=sentence)

    def say(self, **values: Any) -> None:
        """Record how it goes. What cannot be told for a moment is no reason to give up hours of work."""
        try:
            self.bench.store.update(self.record.id, **values)
        except BrokerError as error:
            log.warning("How far job %s is cannot be told: %s", self.record.id, error)


def perform(job: str) -> Retry | None:
    """Do the job of this id. What fails is recorded with its sentence and not tried again.

    Deaths are, and so is what fails because Redis was away: that leaves as BrokerError, and RQ tries again.
    """
    bench = Bench.current
    assert bench is not None, "wired by the worker"  # noqa: S101 - a fault of ours
    record = bench.store.get(job)
    if record is None or record.ended:
        return None  # it was removed meanwhile
    if record.cancel:
        _cancelled(bench, job)
        return None
    started = record.started_at or now()
    bench.store.update(
        job,
        state="running",
        sentence="It has begun.",
        started_at=started.isoformat(),
        attempts=record.attempts + 1,
    )
    return _watched(bench, record)


def _watched(bench: Bench, record: JobRecord) -> Retry | None:
    """Do a job while another thread looks whether it has to end."""
    task = Task(bench, record, threading.Event())
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(task, ended), daemon=True)
    watcher.start()
    try:
        sentence = do_analysis(task) if record.kind == "analysis" else do_training(task)
    except AnalysisStoppedError:
        return _stopped(bench, record.id)
    except FolderBusyError:
        # A worker that stood still for too long, as on a machine that slept, is not dead after all and goes on.
        task.stop.wait(_STILL_DONE_S)
        return _AS_OFTEN_AS_IT_TAKES
    except BrokerError:
        bench.await_redis()
        raise
    except MoodlineError as error:
        bench.ended(record.id, "failed", str(error))
    except Exception:
        log.exception("Job %s has failed for a reason that nobody thought of.", record.id)
        bench.ended(record.id, "failed", "This is a fault of moodline; the log of jobs says more.")
    else:
        bench.ended(record.id, "done", sentence)
    finally:
        ended.set()
        watcher.join()
    bench.files.drop_upload(record.id)
    return None


def _watch(task: Task, ended: threading.Event) -> None:
    while not ended.wait(_LOOK_S):
        try:
            if task.bench.stop.is_set() or task.bench.store.is_cancelled(task.record.id):
                task.stop.set()
        except MoodlineError as error:
            log.warning("Whether job %s is cancelled is not known: %s", task.record.id, error)


def _stopped(bench: Bench, job: str) -> Retry | None:
    """A job that was stopped was cancelled, or goes back into the queue because its worker has to end."""
    if bench.store.is_cancelled(job):
        _cancelled(bench, job)
        return None
    bench.store.update(job, state="waiting", sentence="Its worker was stopped; it goes on with the next one.")
    return _AS_OFTEN_AS_IT_TAKES


def _cancelled(bench: Bench, job: str) -> None:
    bench.files.remove(job)
    bench.forget(job)
    bench.ended(job, "cancelled", "It was cancelled.")
