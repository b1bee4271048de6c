"""The whole system on a clip against the original notebook's loop on the same clip, with the same model."""

from collections.abc import Sequence

from bench.case import Bar, Case, Context, Result, Table
from bench.clips import CLIPS, QUICK_FRAMES, Clip, Run, open_clip, play
from bench.faces import LEAST_IOU, SCORE, Boxes, count_found
from bench.notebook_loop import LoopRun, NotebookLoop, notebook_loop
from bench.samples import Samples
from bench.system import System, running_system

_WANTED = 10.0


def _compare(context: Context, clips: Sequence[Clip], system: System, loop: NotebookLoop) -> Result:
    theirs: dict[str, list[LoopRun]] = {clip.name: [] for clip in clips}
    ours: dict[str, list[Run]] = {clip.name: [] for clip in clips}
    for repetition in range(context.repetitions):
        for clip in clips:
            context.say(f"  repetition {repetition + 1}, {clip.name}")
            theirs[clip.name].append(loop.run(clip.path, most_frames=QUICK_FRAMES if context.quick else None))
            ours[clip.name].append(play(system, clip, str(repetition)))
    compared = [_table_and_bars(clip, theirs[clip.name], ours[clip.name]) for clip in clips]
    return Result([table for table, _ in compared], [bar for _, bars in compared for bar in bars])


def _table_and_bars(clip: Clip, theirs: Sequence[LoopRun], ours: Sequence[Run]) -> tuple[Table, list[Bar]]:
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
    clips = [open_clip(context, name) for name in CLIPS]
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
