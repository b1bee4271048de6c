"""The jobs in Redis: made by the API, kept up to date by whoever does them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self, cast

from moodline.broker import explaining
from moodline.connecting import is_cluster, open_client
from moodline.errors import JobsOffError
from moodline.jobs.record import ENDED, JobKind, JobRecord, JobState, as_fields, now
from moodline.keys import JOB_PREFIX, JOBS_KEY
from moodline.redact import redact_url
from moodline.settings import JobSettings, RedisSettings

if TYPE_CHECKING:
    import redis
    from redis.client import Pipeline

_NOT_CANCELLED: Final = "False"


class JobStore:
    """Reads and writes job records. Safe to share between threads."""

    def __init__(self, client: "redis.Redis", *, shown_url: str) -> None:
        self.client = client
        self._shown_url = shown_url

    @classmethod
    def open(cls, redis: RedisSettings, jobs: JobSettings) -> Self:
        """Connect to the server of the jobs. Raises ConfigError, JobsOffError, BrokerError."""
        # Another server gets no password that is not its own.
        own = {"url": jobs.redis_url, "password": None} if jobs.redis_url else {}
        wanted = redis.model_copy(update=own)
        shown = redact_url(wanted.url.get_secret_value()) if wanted.url else ""
        with explaining(shown):
            client = open_client(wanted)
        if is_cluster(client):
            client.close()
            raise JobsOffError("Jobs need a single Redis server and not a Redis Cluster: set JOBS_REDIS_URL to one.")
        return cls(client, shown_url=shown)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn redis-py's errors into moodline's."""
        with explaining(self._shown_url):
            yield

    def add(self, record: JobRecord, queue: "Callable[[Pipeline], object] | None" = None) -> None:
        """Keep a new job; ``queue`` puts it into its queue in the same step, so it is in both or in none.

        Raises BrokerError.
        """
        with self.errors(), self.client.pipeline() as pipe:
            if queue is not None:
                queue(pipe)  # the first, for RQ begins a transaction of its own
            pipe.hset(JOB_PREFIX + record.id, mapping=cast("Any", record.fields()))
            pipe.zadd(JOBS_KEY, {record.id: record.created_at.timestamp()})
            pipe.execute()

    def get(self, job: str) -> JobRecord | None:
        """Return a job, or None where it is not known."""
        with self.errors():
            found = cast("dict[bytes, bytes]", self.client.hgetall(JOB_PREFIX + job))
        fields = {name.decode(): value.decode() for name, value in found.items()}
        return JobRecord.from_fields(fields) if "id" in fields else None

    def all(self, kind: JobKind | None = None) -> list[JobRecord]:
        """Return the jobs, the newest first."""
        with self.errors():
            ids = [member.decode() for member in cast("list[bytes]", self.client.zrevrange(JOBS_KEY, 0, -1))]
        found = (self.get(job) for job in ids)
        return [record for record in found if record is not None and kind in {None, record.kind}]

    def update(self, job: str, **values: Any) -> None:
        """Change fields of a job; one that has been removed meanwhile stays removed."""
        key = JOB_PREFIX + job

        def change(pipe: "Pipeline") -> None:
            there = pipe.exists(key)
            pipe.multi()
            if there:
                pipe.hset(key, mapping=cast("Any", as_fields(values)))

        with self.errors():
            self.client.transaction(change, key)  # tried again where somebody else has changed or removed it meanwhile

    def end(self, job: str, state: JobState, sentence: str) -> None:
        """Record how a job has ended."""
        assert state in ENDED  # noqa: S101 - a fault of ours
        self.update(job, state=state, sentence=sentence, seconds_left=None, ended_at=now().isoformat())

    def ask_to_cancel(self, job: str) -> None:
        """Ask whoever does the job to stop."""
        self.update(job, cancel=True)

    def is_cancelled(self, job: str) -> bool:
        """Whether somebody has asked for the job's end, or has removed it."""
        with self.errors():
            said = cast("bytes | None", self.client.hget(JOB_PREFIX + job, "cancel"))
        return said is None or said.decode() != _NOT_CANCELLED

    def remove(self, job: str) -> None:
        """Forget a job."""
        with self.errors(), self.client.pipeline() as pipe:
            pipe.delete(JOB_PREFIX + job)
            pipe.zrem(JOBS_KEY, job)
            pipe.execute()

    def close(self) -> None:
        """Close all connections."""
        self.client.close()
