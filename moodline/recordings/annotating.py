"""Starts the program that draws boxes and emotions over a video: it needs OpenCV, so it belongs to ingest."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from moodline.leash import LeashedProcess
from moodline.recordings.checkpoint import locked, read_checkpoint
from moodline.recordings.collect import EVENTS
from moodline.recordings.progress import Pace
from moodline.recordings.results import ANNOTATED
from moodline.recordings.run import AnalysisFailedError, AnalysisStoppedError, Options, Watch

_STOPS_WITHIN_S: Final = 3.0
PROGRESS: Final = "frame"
"""What a line about the progress begins with: ``frame 120 of 900``."""


def annotate(options: Options, stop: threading.Event, watch: Watch) -> Path:
    """Write the annotated video beside the other results and return its path; faces are blurred unless asked for.

    It is the last step of an analysis; one that an earlier process has done is not done again. Raises FolderBusyError,
    AnalysisStoppedError, and AnalysisFailedError with the program's last words.
    """
    target = options.folder / ANNOTATED
    with locked(options.folder):
        known = read_checkpoint(options.folder)
        if known is None or not known.finished:
            _draw(options, target, stop, watch)
        if known is not None:
            known.model_copy(update={"finished": True}).save(options.folder)
    return target


def _draw(options: Options, target: Path, stop: threading.Event, watch: Watch) -> None:
    folder, draft = options.folder, target.with_name(f"draft-{target.name}")
    command = [sys.executable, "-P", "-m", "ingest.annotate", str(options.video), str(folder / EVENTS), str(draft)]
    process = LeashedProcess([*command, *(["--show-faces"] if options.show_faces else [])], output=subprocess.PIPE)
    ended = threading.Event()
    stopper = threading.Thread(target=_stop_it, args=(process, stop, ended), daemon=True)
    stopper.start()
    try:
        words = _follow(process, watch)
        code = process.wait(_STOPS_WITHIN_S)
    finally:
        ended.set()
        process.kill()
    if stop.is_set() or code != 0:
        draft.unlink(missing_ok=True)
        if stop.is_set():
            raise AnalysisStoppedError(f"Stopped before the annotated video was done; the rest of {folder} is whole.")
        raise AnalysisFailedError(f"The annotated video could not be written: {words}")
    draft.replace(target)


def _stop_it(process: LeashedProcess, stop: threading.Event, ended: threading.Event) -> None:
    while not ended.wait(0.2):
        if stop.is_set():
            process.terminate()
            return


def _follow(process: LeashedProcess, watch: Watch) -> str:
    """Pass on the progress until the program has ended; return its last other line."""
    words, pace = "it wrote nothing.", Pace()
    assert process.output is not None  # noqa: S101 - asked for when it was started
    with process.output:
        for raw in process.output:
            line = raw.decode("utf-8", errors="replace").strip()
            match line.split():
                case [name, frames, "of", total] if name == PROGRESS:
                    watch.progress(pace.progress(time.monotonic(), frames=int(frames), total=int(total), faces=None))
                case [*some] if some:
                    words = line
    return words
