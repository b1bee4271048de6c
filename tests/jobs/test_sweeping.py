"""What is deleted because nobody knows of it any more, and what is left alone although nobody does yet."""

import os
import time
from pathlib import Path

from moodline.jobs.files import JobFiles
from moodline.settings import JobSettings


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
