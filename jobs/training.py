"""Does a training: ``python -m trainer train`` on a data folder that is allowed; a killed one goes on where it was."""

import os
import re
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Final

from moodline.errors import ConfigError, MoodlineError
from moodline.jobs.files import allowed
from moodline.leash import LeashedProcess
from moodline.recordings.progress import Pace
from moodline.recordings.run import AnalysisStoppedError

if TYPE_CHECKING:
    from jobs.tasks import Task

_STOPS_WITHIN_S: Final = 10.0
_EPOCH: Final = re.compile(r"\bepoch (\d+)/(\d+)\b")


class TrainingFailedError(MoodlineError):
    """The trainer ended with an error; the message holds its last words."""


def do_training(task: "Task") -> str:
    """Train, and return where the run lies. Raises AnalysisStoppedError where it was stopped, MoodlineError."""
    record = task.record
    if find_spec("keras") is None:
        raise ConfigError("This jobs service has no Keras: run trainings where moodline[trainer] is installed.")
    data = allowed(task.bench.settings.jobs.training_data, record.source, setting="jobs.training_data")
    out = task.bench.files.results(record.id)
    asked = ["train", "--data", str(data), "--out", str(out), "--recipe", record.recipe]
    command = [sys.executable, "-P", "-m", "trainer", *asked, *(["--resume"] if any(out.iterdir()) else [])]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = LeashedProcess(command, env=env, output=subprocess.PIPE)
    ended = threading.Event()
    stopper = threading.Thread(target=_stop_it, args=(process, task.stop, ended), daemon=True)
    stopper.start()
    assert process.output is not None  # noqa: S101 - asked for when it was started
    try:
        words = _follow(task, process.output)
        code = process.wait(_STOPS_WITHIN_S)
    finally:
        ended.set()
        process.kill()
    if task.stop.is_set():
        raise AnalysisStoppedError("The training was stopped; its checkpoints stay.")
    if code != 0:
        raise TrainingFailedError(f"The training failed: {words}")
    return f"The run is in {out}; `moodline models publish {out} --data {data} --as NAME` makes a model of it."


def _stop_it(process: LeashedProcess, stop: threading.Event, ended: threading.Event) -> None:
    while not ended.wait(0.2):
        if stop.is_set():
            process.stop(_STOPS_WITHIN_S)
            return


def _follow(task: "Task", output: IO[bytes]) -> str:
    """Record each epoch until the trainer has ended; return its last line."""
    words, pace = "it wrote nothing.", Pace()
    with output:
        for raw in output:
            line = raw.decode("utf-8", errors="replace").strip()
            words = line or words
            if found := _EPOCH.search(line):
                done, total = map(int, found.groups())
                progress = pace.progress(time.monotonic(), frames=done, total=total, faces=None)
                left = progress.seconds_left
                task.say(
                    steps=done,
                    total=total,
                    seconds_left=None if left is None else round(left, 1),
                    sentence=f"Epoch {done} of {total} is done.",
                )
    return words
