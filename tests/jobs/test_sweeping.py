"""What is deleted because nobody knows of it any more, and what is left alone although nobody does yet."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from moodline.embedded import EmbeddedServer
from moodline.jobs.files import JobFiles
from moodline.jobs.record import JobRecord, now
from moodline.jobs.store import JobStore
from moodline.jobs.sweeping import sweep
from moodline.settings import JobSettings, RedisSettings
from tests.api.stage import serving
from tests.support.brokers import broker_on
from tests.support.wait import wait_until


@pytest.fixture
def store(any_server: EmbeddedServer) -> Iterator[JobStore]:
    with closing(JobStore.open(RedisSettings.model_validate({"url": any_server.url}), JobSettings())) as store:
        yield store
        for record in store.all():
            store.remove(record.id)


def made(store: JobStore, files: JobFiles, days: float, **values: Any) -> Path:
    """Keep a job that was made some days ago, with its video, and return the video."""
    record = JobRecord(id=files.new(), kind="analysis", name="a.mp4", created_at=now() - timedelta(days=days), **values)
    store.add(record)
    video = files.upload(record.id)
    video.write_bytes(b"a video")
    for path in (video, files.results(record.id), video.parent):
        age(path, 24 * days)
    return video


def test_videos_that_nobody_analyses_are_deleted_and_their_analyses_say_so(store: JobStore, tmp_path: Path) -> None:
    files = JobFiles(JobSettings(folder=tmp_path))
    waiting = made(store, files, 8)
    of_a_dead_worker = made(store, files, 8, state="running")
    kept = [made(store, files, 6), made(store, files, 8, source="holiday.mp4"), made(store, files, 8, state="running")]
    (kept[2].parent / "results" / "events.jsonl").write_text("somebody is at work")

    sweep(store, files, keep=timedelta(days=7))

    assert [video.exists() for video in (waiting, of_a_dead_worker, *kept)] == [False, False, True, True, True]
    states = [(record.state, record.sentence) for record in store.all() if record.ended]
    assert states == [("failed", states[0][1])] * 2
    assert "jobs.keep (7 days)" in states[0][1]
    assert "hand it in again" in states[0][1]


def test_the_api_deletes_them_where_nobody_does_jobs(
    any_server: EmbeddedServer, store: JobStore, tmp_path: Path
) -> None:
    settings = JobSettings(folder=tmp_path)
    video = made(store, JobFiles(settings), 8)
    with closing(broker_on(any_server)) as broker, serving(broker, jobs=settings) as client:
        wait_until(lambda: not video.exists(), description="the API has looked")
        shown = client.get(f"/v1/analyses/{video.parent.name}").json()

    assert shown["state"] == "failed"
    assert "No worker has done it" in shown["sentence"]


def age(path: Path, hours: float) -> None:
    then = time.time() - 3600 * hours
    os.utime(path, (then, then))


def test_an_upload_that_goes_on_for_hours_is_left_alone(tmp_path: Path) -> None:
    files = JobFiles(JobSettings(folder=tmp_path))
    slow, forgotten, known = files.new(), files.new(), files.new()
    for job in (slow, forgotten, known):
        files.upload(job).write_bytes(b"half a video")
        age(files.results(job), 5)
        age(tmp_path / job, 5)
    for job in (forgotten, known):
        age(files.upload(job), 2)

    assert set(files.orphans({known})) == {forgotten}
