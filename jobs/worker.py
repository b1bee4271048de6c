"""RQ's worker with our rules: one function, a pulse that tells soon when it has died, and an orderly end."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from types import FrameType
from typing import Any, Final

from rq import Queue, SimpleWorker
from rq.exceptions import AbandonedJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs.tasks import Bench, perform
from moodline.errors import BrokerError, ConfigError
from moodline.jobs.files import JobFiles
from moodline.jobs.record import FUNCTION, QUEUES, JobKind
from moodline.jobs.store import JobStore
from moodline.jobs.sweeping import SWEEP_S, sweep
from moodline.metrics import Metrics
from moodline.settings import Settings

log = logging.getLogger(__name__)

PULSE_S: Final = 3
DEAD_AFTER_S: Final = 12
"""Without a sign of life for so long a worker is dead, and its job is given to another one."""


def run_jobs(settings: Settings, stop: threading.Event) -> None:
    """Work until ``stop`` is set. Raises MoodlineError where the service cannot start."""
    for name in ("rq", "rq.worker", "rq.job"):
        logging.getLogger(name).setLevel(logging.WARNING)
    kind = settings.jobs.kind
    files = JobFiles(settings.jobs)
    metrics = Metrics()
    for state in ("done", "failed", "cancelled"):
        metrics.counter("jobs_ended").labels(kind, state)
    metrics.serve(settings.jobs.metrics_host, settings.jobs.metrics_port)
    with closing(JobStore.open(settings.redis, settings.jobs)) as store:
        bench = Bench(settings, store, files, metrics, stop)
        worker = JobWorker(bench, kind)
        log.info("Jobs of the kind %s are done here.", kind)
        with store.errors():
            worker.work(logging_level="WARNING")
    log.info("Stopped.")


class OurJob(Job):
    """A job that can call nothing but our function: whoever can write to Redis could name any."""

    @property
    def func(self) -> Callable[..., Any]:
        """Return the function, whatever name stands in Redis."""
        if self.func_name != FUNCTION:
            raise ConfigError(f"A job asks for {self.func_name!r}, which is no function of moodline's jobs.")
        return perform

    success_callback = None  # ours have none, and names that others wrote are not imported
    failure_callback = None
    stopped_callback = None


class JobQueue(Queue):
    """A queue whose dead workers are soon looked after again where one died while it did that itself."""

    def acquire_maintenance_lock(self) -> bool:
        """Take the lock of who looks for the dead; RQ's own would outlive its holder by a quarter of an hour."""
        return bool(self.connection.set(self.registry_cleaning_key, 1, nx=True, ex=DEAD_AFTER_S))


class JobWorker(SimpleWorker):
    """Does one job at a time in this process. The processes that a job starts end with it, so none is left behind."""

    def __init__(self, bench: Bench, kind: JobKind) -> None:
        self._bench = bench
        self._swept = 0.0
        queue = JobQueue(QUEUES[kind], connection=bench.store.client, job_class=OurJob, serializer=JSONSerializer)
        super().__init__(
            [queue],
            name=f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}",
            connection=bench.store.client,
            job_class=OurJob,
            serializer=JSONSerializer,
            exception_handlers=[self._on_failure],
            worker_ttl=DEAD_AFTER_S + 8,
            maintenance_interval=PULSE_S,
            job_monitoring_interval=PULSE_S,
            log_job_description=False,
        )
        bench.wire()

    @property
    def dequeue_timeout(self) -> int:
        """How long one wait for a job lasts: between two of them the dead are looked for."""
        return PULSE_S

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002 - RQ's signature
        """How long a job counts as being done without a sign of life."""
        return DEAD_AFTER_S

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:  # noqa: ARG002 - RQ's signature
        """Give a sign of life."""
        super().heartbeat(DEAD_AFTER_S, pipeline)

    def subscribe(self) -> None:
        """Take no commands from a channel: cancelling goes by the job's record."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Do a job, giving signs of life meanwhile."""
        ended = threading.Event()
        execution = self.prepare_execution(job)
        pulse = threading.Thread(target=self._pulse, args=(job, execution, ended), daemon=True)
        pulse.start()
        try:
            self.perform_job(job, queue, execution)
        finally:
            ended.set()
            pulse.join(timeout=PULSE_S)
        self.set_state("idle")

    def run_maintenance_tasks(self) -> None:
        """Give the jobs of dead workers to others, and now and then delete what is kept for too long."""
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        if time.monotonic() - self._swept > SWEEP_S:
            self._swept = time.monotonic()
            sweep(self._bench.store, self._bench.files, keep=self._bench.settings.jobs.keep)

    def _install_signal_handlers(self) -> None:
        """Take over the signals, and one that came before."""
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        self._stop_requested = self._bench.stop.is_set()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Stop in order: the job that is being done is asked to stop, and goes back into the queue."""
        self._bench.stop.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def _pulse(self, job: Job, execution: Any, ended: threading.Event) -> None:
        while not ended.wait(PULSE_S):
            try:
                self.maintain_heartbeats(job, execution)
            except Exception as error:  # noqa: BLE001 - whatever redis-py says: the next pulse tries again
                log.warning("No sign of life could be given: %s", error)

    def _on_failure(self, job: Job, kind: type[BaseException], _error: BaseException, _trace: Any) -> bool:
        """Tell the job's record what RQ alone knows: a worker has died, or has lost Redis; RQ tries both again."""
        left = job.retries_left or 0
        if issubclass(kind, AbandonedJobError):
            self._bench.abandoned(job.id, retries_left=left)
        elif issubclass(kind, BrokerError):
            self._bench.abandoned(job.id, retries_left=left, why="Its worker has lost Redis")
        return False
