"""``moodline analyse``: a recorded video, from its first frame to its last."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moodline.cli.options import Config

if TYPE_CHECKING:
    from moodline.recordings.facts import Facts
    from moodline.recordings.progress import Progress
    from moodline.recordings.run import Watch

_LINE_EVERY_S = 5.0


def analyse(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video file.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the results; by default VIDEO's name and .moodline."),
    ] = None,
    annotate: Annotated[bool, typer.Option("--annotate", help="Also write the video with boxes and emotions.")] = False,
    show_faces: Annotated[bool, typer.Option("--show-faces", help="Do not blur the faces in that video.")] = False,
    detect_fps: Annotated[
        float,
        typer.Option(metavar="N", min=0.1, max=240, help="How often new faces are looked for."),
    ] = 5.0,
    config: Config = None,
) -> None:
    """Analyse a recorded video: every frame, nothing dropped.

    Writes summary, timeline and tracks (CSV, JSON), a plot and a report. Needs nothing that runs already; with
    REDIS_URL the faces go to the workers there, and an analysis that was stopped goes on when it is run again.
    """
    from moodline.lifecycle import stop_on_signals
    from moodline.recordings.annotating import annotate as draw
    from moodline.recordings.local import analyse_here
    from moodline.recordings.run import Options

    folder = out or video.with_name(f"{video.name}.moodline")
    options = Options(video=video, folder=folder, detect_fps=detect_fps, config=config)
    stop = stop_on_signals()
    with _shown(video.name) as watch:
        facts = analyse_here(options, stop, watch)
        if annotate:
            draw(video, folder, stop, watch, show_faces=show_faces)
    _print(facts, folder)


@contextmanager
def _shown(name: str) -> Iterator["Watch"]:
    """Show a bar on a terminal, and a line now and then elsewhere; stdout is for what came of it."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(console, name) as watch:
            yield watch
    else:
        yield _lines()


@contextmanager
def _bar(console: "object", name: str) -> Iterator["Watch"]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    from moodline.recordings.run import Watch

    assert isinstance(console, Console)  # noqa: S101 - for the type checker: rich is imported late
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=None, told="starting")

        def show(progress: "Progress") -> None:
            bar.update(task, completed=progress.frames, total=progress.total or None, told=str(progress))

        def notice(sentence: str) -> None:
            bar.console.print(sentence, markup=False, highlight=False)

        yield Watch(progress=show, notice=notice)


def _lines() -> "Watch":
    from moodline.recordings.run import Watch

    lock, due = threading.Lock(), [time.monotonic() + _LINE_EVERY_S]

    def say(text: str) -> None:
        with lock:
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - the command line speaks to its user

    def show(progress: "Progress") -> None:
        if time.monotonic() >= due[0]:
            due[0] = time.monotonic() + _LINE_EVERY_S
            say(f"analyse: {progress}")

    return Watch(progress=show, line=say, notice=lambda sentence: say(f"analyse: {sentence}"))


def _print(facts: "Facts", folder: Path) -> None:
    import json

    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    speed = "" if facts.times_real_time is None else f" ({facts.times_real_time:g} times real time)"
    typer.echo(facts.sentence)
    typer.echo(
        f"{facts.frames} frames of {facts.duration_s:.1f} s in {facts.took_s:.1f} s{speed}: "
        f"{summary['faces']} faces in {summary['tracks']} tracks"
    )
    largest = sorted(summary["emotions"].items(), key=lambda item: -item[1]["count"])
    mix = ", ".join(f"{name} {row['share']:.0%}" for name, row in largest if row["count"])
    typer.echo(mix or "No faces were found.")
    if facts.missing or facts.dropped:
        typer.echo(f"Not in the results: {facts.dropped} faces dropped, {facts.missing} events missing.")
    typer.echo(f"Results: {folder} (begin with {folder / 'report.html'})")
