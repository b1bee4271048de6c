"""Does the analysis of one video: that of ``moodline analyse``, its results in the job's folder."""

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from moodline.broker import connect
from moodline.errors import ConfigError
from moodline.jobs.files import allowed
from moodline.purge import forget
from moodline.recordings.annotating import annotate
from moodline.recordings.run import Options, Watch, analyse
from moodline.settings import Settings
from moodline.streams import stream_view

if TYPE_CHECKING:
    from jobs.tasks import Task


def do_analysis(task: "Task") -> str:
    """Analyse a video and return a sentence about it. Raises AnalysisStoppedError, MoodlineError."""
    record, files, settings = task.record, task.bench.files, task.bench.settings
    given = os.environ.get("MOODLINE_CONFIG")
    options = Options(
        video=_video(task),
        folder=files.results(record.id),
        stream=stream_of(record.id),
        name=record.name,
        detect_fps=settings.jobs.detect_fps,
        config=Path(given) if given else None,
    )
    watch = Watch(progress=task.tell, notice=task.notice, line=_pass_on)
    with closing(connect(settings.redis)) as broker:
        facts = analyse(options, broker, task.stop, watch)
    if record.annotate:
        annotate(options.video, options.folder, task.stop, watch, show_faces=record.show_faces)
    task.say(steps=facts.frames, total=facts.frames, faces=facts.faces, times_real_time=facts.times_real_time)
    return facts.sentence


def stream_of(job: str) -> str:
    """Return the stream as which a job's video is read."""
    return f"analysis-{job}"


def forget_analysis(settings: Settings, job: str) -> None:
    """Delete what Redis holds of an analysis that will not go on. Raises BrokerError."""
    with closing(connect(settings.redis)) as broker:
        if stream_view(broker, stream_of(job)) is not None:
            forget(broker, stream_of(job))


def _video(task: "Task") -> Path:
    """Return the video that was handed in, or that was named: checked again, for a link may have changed meanwhile."""
    record, settings = task.record, task.bench.settings
    if record.source:
        return allowed(settings.jobs.recordings, record.source, setting="jobs.recordings")
    video = task.bench.files.upload(record.id)
    if not video.is_file():
        raise ConfigError("The video that was handed in is gone: api and jobs must see the same jobs.folder.")
    return video


def _pass_on(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - ingest's own log lines
