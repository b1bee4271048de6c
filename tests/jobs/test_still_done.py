"""A job that is given to a second worker although the first one lives: it is done once."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from jobs.tasks import _watched
from moodline.jobs.files import JobFiles
from moodline.jobs.record import JobRecord
from moodline.recordings.checkpoint import locked
from moodline.settings import JobSettings, Settings


def test_the_second_worker_leaves_it_to_the_first(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("jobs.tasks._STILL_DONE_S", 0.01)
    settings = JobSettings(folder=tmp_path)
    files = JobFiles(settings)
    job = files.new()
    (tmp_path / job / "video").write_bytes(b"a video")
    ended: list[Any] = []
    bench = SimpleNamespace(
        settings=Settings(jobs=settings),
        files=files,
        store=SimpleNamespace(is_cancelled=lambda _job: False, update=lambda *_a, **_k: None),
        stop=threading.Event(),
        ended=lambda *told: ended.append(told),
    )
    record = JobRecord(id=job, kind="analysis", name="a.mp4", created_at=datetime.now(UTC))

    with locked(files.results(job)):
        monkeypatch.setattr("jobs.tasks.do_analysis", lambda _task: _in_a_folder(files.results(job)))
        retry = _watched(cast("Any", bench), record)

    assert retry is not None, "it goes back into the queue"
    assert ended == []
    assert files.upload(job).exists(), "the first worker still reads it"


def _in_a_folder(folder: Path) -> str:
    with locked(folder):
        return "done"
