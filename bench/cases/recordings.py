"""Whether a recorded video is analysed faster than it plays, the start of everything included."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

from bench.case import CHECKOUT, Bar, Case, Context, NotMeasurableError, Result, Table
from bench.samples import Samples
from bench.system import YUNET
from moodline.errors import MoodlineError

_CLIP = "data/media/short_hamilton_clip.mp4"
_WANTED = 1.0
_ENDED_WITHIN_S = 600.0


@dataclass(frozen=True, slots=True)
class _Film:
    """A film made of the clip again and again, ``seconds`` long."""

    name: str
    seconds: int
    size: str


_FILMS = (_Film("30 s, 640x360", 30, "640:360"), _Film("30 s, 1920x1080", 30, "1920:1080"))
_LONG = _Film("5 min, 640x360", 300, "640:360")
_QUICK = _Film("3 s, 640x360", 3, "640:360")


def _make(film: _Film, clip: Path, folder: Path) -> Path:
    target = folder / f"{film.seconds}-{film.size.replace(':', 'x')}.mp4"
    ffmpeg = which("ffmpeg")
    if ffmpeg is None:
        raise NotMeasurableError("ffmpeg is missing: install it, for it makes the films.")
    words = ["-nostdin", "-v", "error", "-stream_loop", "-1", "-i", clip, "-t", film.seconds, "-an"]
    words += ["-vf", f"scale={film.size}", "-preset", "veryfast", target]
    subprocess.run([ffmpeg, *map(str, words)], check=True)  # noqa: S603
    return target


def _analyse(video: Path, detector: Path) -> Mapping[str, Any]:
    """Run ``moodline analyse`` as a user does and return its summary."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "moodline.cli", "analyse", str(video), "--out", out]
        done = subprocess.run(  # noqa: S603
            command,
            cwd=CHECKOUT,
            env=_environment(detector),
            capture_output=True,
            text=True,
            timeout=_ENDED_WITHIN_S,
            check=False,
        )
        if done.returncode:
            raise MoodlineError(f"moodline analyse ended with {done.returncode}: {done.stderr[-500:]}")
        summary: dict[str, Any] = json.loads((Path(out) / "summary.json").read_text("utf-8"))
        return summary


def _environment(detector: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOODLINE_", "REDIS_"))}
    return {**kept, "MOODLINE_INGEST__DETECTOR_MODEL": str(detector)}


def _row(film: _Film, runs: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        film.name,
        f"{runs[0]['frames']:,}",
        f"{runs[0]['faces']:,}",
        Samples.of(run["took_s"] for run in runs).text(),
        Samples.of(run["times_real_time"] for run in runs).text(),
    ]


def _run(context: Context) -> Result:
    clip, detector = context.require(_CLIP), context.require(YUNET)
    films = (_QUICK,) if context.quick else (*_FILMS, _LONG)
    runs: dict[_Film, list[Mapping[str, Any]]] = {film: [] for film in films}
    with tempfile.TemporaryDirectory() as folder:
        videos = {film: _make(film, clip, Path(folder)) for film in films}
        for repetition in range(context.repetitions):
            for film, video in videos.items():
                context.say(f"  repetition {repetition + 1}, {film.name}")
                runs[film].append(_analyse(video, detector))
    columns = ("film", "frames", "faces", "seconds", "times real time")
    table = Table("moodline analyse", columns, [_row(film, done) for film, done in runs.items()])
    return Result([table], [_bar(film, done) for film, done in runs.items()])


def _bar(film: _Film, runs: Sequence[Mapping[str, Any]]) -> Bar:
    speed = Samples.of(run["times_real_time"] for run in runs)
    return Bar(f"{film.name}: faster than it plays", f"{speed.text()} times", speed.median > _WANTED)


CASE = Case(
    "recordings",
    17,
    "Recorded videos: faster than they play",
    "`moodline analyse` as it is typed, with nothing running before: a server, a worker with the shipped model and "
    "ingest are started and end again. Films of 30 frames a second made of a clip with faces in every frame; all "
    "frames are read and all faces judged. Seconds from the first process to the last event, the start of all of "
    "them included, which weighs less the longer a film is.",
    _run,
)
