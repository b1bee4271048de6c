"""The whole system on a clip against the original notebook's loop on the same clip, with the same model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from bench.case import Bar, Case, Context, Result, Table
from bench.faces import LEAST_IOU, SCORE, Boxes, count_found, true_faces
from bench.notebook_loop import LoopRun, NotebookLoop, notebook_loop
from bench.samples import Samples
from bench.system import YUNET, System, running_system, wait_for

_CLIPS = ("short_hamilton_clip", "fer_test")
_WANTED = 10.0
_QUICK_FRAMES = 60
_ENDED_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class _Run:
    """One pass of the whole system over a clip."""

    frames: int
    crops: int
    seconds: float
    faces: Boxes


@dataclass(frozen=True, slots=True)
class _Clip:
    name: str
    path: Path
    fps: float
    truth: Boxes


def _clip(context: Context, name: str) -> _Clip:
    path = context.require(f"data/media/{name}.mp4")
    context.say(f"  {name}: looking for its true faces")
    truth = true_faces(path, context.require(YUNET))
    if context.quick:
        truth = {frame: faces for frame, faces in truth.items() if frame < _QUICK_FRAMES}
    return _Clip(name, path, cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS), truth)


def _play(system: System, clip: _Clip, repetition: int) -> _Run:
    """Send a clip through the system once."""
    stream = f"{clip.name}-{repetition}"
    with system.reading([{"id": stream, "url": str(clip.path)}], until_ended=True) as ingest:
        wait_for(ingest.ended_well, within_s=_ENDED_WITHIN_S, what="the clip has been read")
    wait_for(lambda: _all_done(system, stream), within_s=_ENDED_WITHIN_S, what="all crops have their event")
    return _run_of(system, stream, clip)


def _all_done(system: System, stream: str) -> bool:
    ledger = system.ledger(stream)
    return ledger is not None and ledger.queued == 0


def _run_of(system: System, stream: str, clip: _Clip) -> _Run:
    """Count from the first frame read to the last event committed."""
    events = system.server.events(stream)
    _, first = min(events, key=lambda found: found[1].frame)
    # A recording without start_at begins at the moment at which its first frame was read.
    began_ms = first.captured_at.timestamp() * 1000 - first.frame * 1000 / clip.fps
    ended_ms = max(at_ms for at_ms, _ in events)
    status = system.status(stream)
    faces: Boxes = {}
    for _, event in events:
        if event.frame not in clip.truth:
            continue  # a quick run compares the first frames only
        box = event.box
        faces.setdefault(event.frame, []).append((float(box.x), float(box.y), float(box.width), float(box.height)))
    return _Run(status.frames, len(events), (ended_ms - began_ms) / 1000, faces)


def _compare(context: Context, clips: Sequence[_Clip], system: System, loop: NotebookLoop) -> Result:
    theirs: dict[str, list[LoopRun]] = {clip.name: [] for clip in clips}
    ours: dict[str, list[_Run]] = {clip.name: [] for clip in clips}
    for repetition in range(context.repetitions):
        for clip in clips:
            context.say(f"  repetition {repetition + 1}, {clip.name}")
            theirs[clip.name].append(loop.run(clip.path, most_frames=_QUICK_FRAMES if context.quick else None))
            ours[clip.name].append(_play(system, clip, repetition))
    compared = [_table_and_bars(clip, theirs[clip.name], ours[clip.name]) for clip in clips]
    return Result([table for table, _ in compared], [bar for _, bars in compared for bar in bars])


def _table_and_bars(clip: _Clip, theirs: Sequence[LoopRun], ours: Sequence[_Run]) -> tuple[Table, list[Bar]]:
    their_fps = Samples.of(run.frames / run.seconds for run in theirs)
    our_fps = Samples.of(run.frames / run.seconds for run in ours)
    ratio = our_fps.over(their_fps)
    # Neither side's boxes change from one repetition to the next.
    their_faces, our_faces = (count_found(runs[0].faces, clip.truth) for runs in (theirs, ours))
    their_crops = Samples.of(_boxes(run.faces) / run.seconds for run in theirs)
    our_crops = Samples.of(run.crops / run.seconds for run in ours)
    total = sum(len(faces) for faces in clip.truth.values())
    rows = [
        ["the notebook's loop", their_fps.text(), their_crops.text(), str(their_faces), str(_boxes(theirs[0].faces))],
        ["moodline", our_fps.text(), our_crops.text(), str(our_faces), str(_boxes(ours[0].faces))],
        ["ratio", ratio.text(), our_crops.over(their_crops).text(), f"{our_faces / max(1, their_faces):.2f}", ""],
    ]
    title = f"{clip.name}: {len(clip.truth)} frames, {total} true faces"
    bars = [
        Bar(f"{clip.name}: {_WANTED:g} times the frames/s", f"{ratio.text()} times", ratio.median >= _WANTED),
        Bar(
            f"{clip.name}: at least as many true faces",
            f"{our_faces} and {their_faces} of {total}",
            our_faces >= their_faces,
        ),
    ]
    return Table(title, ("", "frames/s", "crops/s", "true faces", "boxes"), rows), bars


def _boxes(faces: Boxes) -> int:
    return sum(len(boxes) for boxes in faces.values())


def _run(context: Context) -> Result:
    clips = [_clip(context, name) for name in _CLIPS]
    context.say("  starting the system and the notebook's loop")
    with running_system(context) as system, notebook_loop() as loop:
        return _compare(context, clips, system, loop)


CASE = Case(
    "whole-way",
    10,
    "Whole way: from a clip to its events",
    "The whole system with its default settings (embedded server, one ingest, one worker), from the first frame read "
    "to the last event committed, against the original notebook's loop on the same clip with the same model: Haar "
    "with default arguments on every full frame, model.predict for each face. Both are started and warm before. A "
    f"true face is one that YuNet finds in the full-size frame with a score of {SCORE}; it is found if a box overlaps "
    f"it with an IoU of {LEAST_IOU} or more.",
    _run,
)
