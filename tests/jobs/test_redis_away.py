"""Redis is away for a moment while a job is done: nothing is given up for that."""

import io
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.client import Pipeline

from api.job_queue import enqueue
from api.taking import take
from jobs.tasks import Bench, Task
from jobs.training import _follow
from jobs.worker import DEAD_AFTER_S, JobWorker
from moodline.embedded import EmbeddedServer
from moodline.errors import BrokerUnavailableError
from moodline.jobs.files import JobFiles
from moodline.jobs.record import RETRIES, JobRecord, now
from moodline.jobs.store import JobStore
from moodline.keys import JOB_PREFIX
from moodline.metrics import Metrics
from moodline.recordings.progress import Progress
from moodline.settings import JobSettings, RedisSettings, Settings


def away(*_args: Any, **_values: Any) -> Any:
    raise BrokerUnavailableError("Redis at nowhere cannot be reached.")


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
def bench(server: EmbeddedServer, tmp_path: Path) -> Iterator[Bench]:
    settings = Settings(redis=RedisSettings.model_validate({"url": server.url}), jobs=JobSettings(folder=tmp_path))
    with closing(JobStore.open(settings.redis, settings.jobs)) as store:
        store.client.flushall()
        yield Bench(settings, store, JobFiles(settings.jobs), Metrics(), threading.Event())


def test_a_job_that_cannot_be_queued_is_not_known_either(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    record = JobRecord(id=bench.files.new(), kind="analysis", name="a.mp4", created_at=now())
    monkeypatch.setattr("rq.queue.Queue.enqueue_call", away)

    with pytest.raises(BrokerUnavailableError):
        take(bench.store, bench.files, bench.settings, record)

    assert bench.store.all() == []
    assert not bench.files.results(record.id).exists()


def test_a_job_that_is_removed_while_it_is_updated_stays_removed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    record = queued(bench)
    exists = Pipeline.exists

    def removed_meanwhile(pipe: Pipeline, *keys: str) -> Any:
        found = exists(pipe, *keys)
        bench.store.remove(record.id)
        return found

    monkeypatch.setattr(Pipeline, "exists", removed_meanwhile)

    bench.store.update(record.id, sentence="It has begun.")

    assert not bench.store.client.exists(JOB_PREFIX + record.id)


def queued(bench: Bench) -> JobRecord:
    record = JobRecord(id=bench.files.new(), kind="analysis", name="a.mp4", created_at=now())
    bench.files.upload(record.id).write_bytes(b"a video")
    enqueue(bench.store, record)
    return record


def work_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JobWorker, "_install_signal_handlers", lambda _self: None)
    JobWorker(bench, "analysis").work(burst=True, logging_level="CRITICAL")


def test_progress_that_cannot_be_told_stops_nothing() -> None:
    record = JobRecord(id="0" * 16, kind="training", name="fer", created_at=now())
    task = Task(cast("Any", SimpleNamespace(store=SimpleNamespace(update=away))), record, threading.Event())

    task.tell(Progress(1, 2, 3, None))
    task.notice("No worker has taken a face.")

    assert _follow(task, io.BytesIO(b"epoch 1/2\nepoch 2/2\nthe end\n")) == "the end"


def test_a_job_that_lost_redis_is_done_the_next_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    record = queued(bench)
    seen: list[bool] = []

    def lost_once(task: Task) -> str:
        seen.append(bench.files.upload(record.id).exists())
        return str(away()) if len(seen) == 1 else f"{task.record.name} was read to its end."

    monkeypatch.setattr("jobs.tasks.do_analysis", lost_once)

    work_off(bench, monkeypatch)

    done = bench.store.get(record.id)
    assert done is not None
    assert (done.state, done.sentence, done.attempts) == ("done", "a.mp4 was read to its end.", 2)
    assert seen == [True, True], "the upload is kept for the next time"


def test_a_job_that_loses_redis_each_time_fails_in_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    record = queued(bench)
    monkeypatch.setattr("jobs.tasks.do_analysis", away)

    work_off(bench, monkeypatch)

    failed = bench.store.get(record.id)
    assert failed is not None
    assert (failed.state, failed.attempts) == ("failed", RETRIES + 1)
    assert not bench.files.upload(record.id).exists()


def test_a_worker_that_died_while_it_looked_for_the_dead_holds_nobody_up(bench: Bench) -> None:
    (queue,) = JobWorker(bench, "analysis").queues

    assert queue.acquire_maintenance_lock()
    assert not queue.acquire_maintenance_lock(), "one looks for them at a time"

    assert 0 < bench.store.client.ttl(queue.registry_cleaning_key) <= DEAD_AFTER_S
