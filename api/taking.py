"""Takes jobs, finds them and ends them, whatever their kind."""

from http import HTTPStatus

from fastapi import HTTPException

from api.job_queue import enqueue, take_back
from moodline.errors import BrokerError
from moodline.jobs.files import JobFiles
from moodline.jobs.record import JobKind, JobRecord
from moodline.jobs.store import JobStore
from moodline.settings import Settings


class UnknownJobError(HTTPException):
    """There is no such job, or it has no such result: 404."""

    def __init__(self, sentence: str) -> None:
        super().__init__(HTTPStatus.NOT_FOUND, sentence)


class TooManyWaitError(HTTPException):
    """So many jobs wait that no more are taken: 503."""

    def __init__(self, waiting: int) -> None:
        sentence = f"{waiting} jobs wait already (jobs.max_waiting); try again when some are done."
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, sentence, {"Retry-After": "60"})


def known(store: JobStore, job: str, kind: JobKind) -> JobRecord:
    """Return a job. Raises UnknownJobError, BrokerError."""
    record = store.get(job)
    if record is None or record.kind != kind:
        raise UnknownJobError(f"There is no {kind} {job[:40]!r}; it may have been deleted.")
    return record


def take(store: JobStore, files: JobFiles, settings: Settings, record: JobRecord) -> JobRecord:
    """Record a job and put it into its queue; where that fails no file stays. Raises TooManyWaitError, BrokerError."""
    try:
        check_room(store, settings, record.kind)
        enqueue(store, record)
    except (TooManyWaitError, BrokerError):
        files.remove(record.id)
        raise
    return record


def check_room(store: JobStore, settings: Settings, kind: JobKind) -> None:
    """Raise TooManyWaitError where too many jobs of a kind wait. Raises BrokerError."""
    waiting = sum(other.state == "waiting" for other in store.all(kind))
    if waiting >= settings.jobs.max_waiting:
        raise TooManyWaitError(waiting)


def remove(store: JobStore, files: JobFiles, record: JobRecord) -> JobRecord:
    """Cancel a job that has not ended, or delete it; return it as it stands then."""
    if record.state == "running":
        store.ask_to_cancel(record.id)
        store.update(record.id, sentence="It is being cancelled.")
        return store.get(record.id) or record
    take_back(store, record)
    store.remove(record.id)
    files.remove(record.id)
    if record.ended:
        return record
    return record.model_copy(update={"state": "cancelled", "sentence": "It was cancelled before it began."})
