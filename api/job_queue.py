"""Hands jobs to RQ. Only text goes into its queue, so nobody unpickles what somebody else has written."""

from typing import TYPE_CHECKING, Final

from rq import Queue, Retry, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from moodline.jobs.record import FUNCTION, QUEUES, RETRIES, JobKind, JobRecord
from moodline.jobs.store import JobStore

if TYPE_CHECKING:
    from redis.client import Pipeline

_NO_LIMIT: Final = -1
_A_DAY_S: Final = 86_400


def enqueue(store: JobStore, record: JobRecord) -> None:
    """Keep a new job and give it to whichever worker is free first; both or none. Raises BrokerError."""

    def queue(pipe: "Pipeline") -> None:
        _queue(store, record.kind).enqueue_call(
            FUNCTION,
            args=(record.id,),
            job_id=record.id,
            timeout=_NO_LIMIT,
            result_ttl=0,
            failure_ttl=_A_DAY_S,
            retry=Retry(max=RETRIES),
            description=record.kind,
            pipeline=pipe,
        )

    store.add(record, queue)


def take_back(store: JobStore, record: JobRecord) -> None:
    """Take a job that no worker has begun out of the queue. Raises BrokerError."""
    with store.errors():
        try:
            Job.fetch(record.id, connection=store.client, serializer=JSONSerializer).delete()
        except NoSuchJobError:
            return


def workers_of(store: JobStore, kind: JobKind) -> int:
    """Return how many workers do jobs of a kind. Raises BrokerError."""
    with store.errors():
        return Worker.count(queue=_queue(store, kind))


def _queue(store: JobStore, kind: JobKind) -> Queue:
    return Queue(QUEUES[kind], connection=store.client, serializer=JSONSerializer)
