"""Deletes what is kept for too long."""

import logging
from datetime import timedelta

from moodline.errors import BrokerError
from moodline.jobs.files import JobFiles
from moodline.jobs.record import now
from moodline.jobs.store import JobStore

log = logging.getLogger(__name__)


def sweep(store: JobStore, files: JobFiles, *, keep: timedelta) -> int:
    """Delete jobs that ended more than ``keep`` ago, and folders that no job is known of; return how many."""
    try:
        records = store.all()
        old = [record.id for record in records if record.ended_at is not None and now() - record.ended_at > keep]
        for job in old:
            store.remove(job)
    except BrokerError as error:
        log.warning("What is kept for too long stays for now: %s", error)
        return 0
    gone = [*old, *files.orphans({record.id for record in records})]
    for job in gone:
        files.remove(job)
    if gone:
        log.info("Deleted %d job(s) that were kept for long enough.", len(gone))
    return len(gone)
