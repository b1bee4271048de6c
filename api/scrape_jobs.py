"""What Prometheus learns about jobs."""

import logging
from collections import Counter

from api.job_queue import workers_of
from api.jobs_here import JobDesk
from moodline.errors import MoodlineError
from moodline.jobs.record import JOB_KINDS, JOB_STATES, now
from moodline.metrics import Metrics

log = logging.getLogger(__name__)


def measure_jobs(metrics: Metrics, desk: JobDesk) -> None:
    """Add how many jobs there are in which state, and who does them; nothing while their server is away."""
    try:
        store = desk.store()
        records = store.all()
        workers = {kind: workers_of(store, kind) for kind in JOB_KINDS}
    except MoodlineError as error:
        log.warning("The metrics of jobs are left out. %s", error)
        return
    counts = Counter((record.kind, record.state) for record in records)
    moment = now()
    for kind in JOB_KINDS:
        for state in JOB_STATES:
            metrics.gauge("jobs_known").labels(kind, state).set(counts[kind, state])
        waits = [record.created_at for record in records if (record.kind, record.state) == (kind, "waiting")]
        oldest_s = (moment - min(waits)).total_seconds() if waits else 0.0
        metrics.gauge("jobs_oldest_wait").labels(kind).set(max(0.0, oldest_s))
        metrics.gauge("jobs_workers").labels(kind).set(workers[kind])
