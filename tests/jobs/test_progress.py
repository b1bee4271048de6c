"""How far an analysis is, as the API tells it: what whoever does it has said, with its percent and the time left."""

import threading
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jobs.tasks import Task
from moodline.jobs.record import JobRecord, now
from moodline.jobs.store import JobStore
from moodline.recordings.progress import Pace, Progress
from moodline.settings import JobSettings, RedisSettings
from tests.jobs.conftest import Desk
from tests.support.recordings import Running


@pytest.fixture
def task(running: Running) -> Iterator[Task]:
    """An analysis that is being done."""
    job = JobRecord(id="d" * 16, kind="analysis", name="a.mp4", state="running", created_at=now(), started_at=now())
    redis = RedisSettings.model_validate({"url": running.server.url})
    with closing(JobStore.open(redis, JobSettings())) as store:
        store.add(job)
        yield Task(cast("Any", SimpleNamespace(store=store)), job, threading.Event())
        store.remove(job.id)


def test_frames_percent_and_time_left_are_told(task: Task, desk: Desk) -> None:
    before = desk.show(task.record.id)
    task.tell(Progress(412, 900, 530, 6.24))
    shown = desk.show(task.record.id)

    assert (before["frames"], before["percent"], before["seconds_left"]) == (0, None, None)
    assert (shown["frames"], shown["total_frames"], shown["faces"]) == (412, 900, 530)
    assert (shown["percent"], shown["seconds_left"]) == (45.8, 6.2)
    assert shown["sentence"] == "412 of 900 frames (46%), 530 faces, 0:06 left."


def test_a_file_that_does_not_say_how_long_it_is_has_frames_alone(task: Task, desk: Desk) -> None:
    task.tell(Progress(412, 0, 530, None))
    shown = desk.show(task.record.id)

    assert (shown["frames"], shown["percent"], shown["seconds_left"]) == (412, None, None)
    assert shown["sentence"] == "412 frames, 530 faces."


def test_faces_stay_counted_while_the_video_is_drawn(task: Task, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.tasks._LOOK_S", 0.0)
    task.tell(Progress(900, 900, 1200, 0.0))
    task.tell(Progress(90, 900, None, 3.0))
    shown = desk.show(task.record.id)

    assert (shown["faces"], shown["frames"], shown["seconds_left"]) == (1200, 90, 3.0)


def test_what_is_over_has_no_time_left(task: Task, desk: Desk) -> None:
    task.tell(Progress(412, 900, 530, 6.2))
    task.bench.store.end(task.record.id, "done", "a.mp4 was read to its end.")

    assert desk.show(task.record.id)["seconds_left"] is None


def test_the_time_left_follows_the_pace_of_this_process_alone() -> None:
    pace = Pace()
    first = pace.progress(100.0, frames=300, total=900, faces=0)  # an earlier process has come that far
    later = pace.progress(110.0, frames=500, total=900, faces=0)

    assert first.seconds_left is None
    assert later.seconds_left == pytest.approx(20.0)
    assert later.percent == pytest.approx(55.6, abs=0.1)
