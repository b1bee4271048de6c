"""Deletes what is kept for too long: by whoever does jobs, and by the API, for perhaps nobody does any."""

import logging
from datetime import timedelta
from typing import Final

from moodline.errors import BrokerError
from moodline.jobs.files import JobFiles
from moodline.jobs.record import JobRecord, now
from moodline.jobs.store import JobStore

log = logging.getLogger(__name__)

SWEEP_S: Final = 60.0
"""How often whoever sweeps does so."""
_DEAD_AFTER: Final = timedelta(days=1)
"""A job that runs and has written nothing for so long is nobody's: its worker has died, and no other one has come."""


def sweep(store: JobStore, files: JobFiles, *, keep: timedelta) -> int:
    """Delete jobs that ended more than ``keep`` ago, and folders that no job is known of; return how many.

    A video that was handed in and not analysed within ``keep`` is deleted, too, and its job fails with a sentence.
    """
    try:
        records = store.all()
        given_up = [record.id for record in records if _is_given_up(record, files, keep)]
        for job in given_up:
            store.end(job, "failed", _words(keep))
        old = [record.id for record in records if record.ended_at is not None and now() - record.ended_at > keep]
        for job in old:
            store.remove(job)
    except BrokerError as error:
        log.warning("What is kept for too long stays for now: %s", error)
        return 0
    gone = [*given_up, *old, *files.orphans({record.id for record in records})]
    for job in gone:
        files.remove(job)
    if gone:
        log.info("Deleted the files of %d job(s) that were kept for long enough.", len(gone))
    return len(gone)


def _is_given_up(record: JobRecord, files: JobFiles, keep: timedelta) -> bool:
    """Whether a video of somebody has lain here for too long without a worker."""
    if record.ended or record.kind != "analysis" or record.source or now() - record.created_at <= keep:
        return False
    return record.state == "waiting" or files.untouched_for(record.id) > max(keep, _DEAD_AFTER)


def _words(keep: timedelta) -> str:
    return (
        f"No worker has done it within jobs.keep ({_told(keep)}), so its video was deleted. Start `moodline jobs`, and "
        "hand it in again."
    )


def _told(keep: timedelta) -> str:
    return f"{keep.days} days" if keep.days > 1 else f"{keep.total_seconds() / 3600:g} h"
