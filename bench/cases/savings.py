"""What each way of sparing work brings, and what is lost by it: the whole system on clips, each of them on and off."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.case import Case, Context, Result, Table
from bench.clips import CLIPS, Clip, Run, open_clip, play, still_clip
from bench.faces import count_found
from bench.samples import Samples, number
from bench.system import System, running_system

_ALL: Final[Mapping[str, Any]] = {"min_face": 12}
"""Every frame at its full size: a film is searched at the size that its least faces need."""
_VARIANTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "nothing spared": _ALL,
    "defaults": {},
    "detect_fps 10": {"detect_fps": 10},
    "detect_fps 5": {"detect_fps": 5},
    "detect_fps 5, half size": {"detect_fps": 5, "detect_width": 320},
    "detect_width 320": {**_ALL, "detect_width": 320},
    "fps 5": {**_ALL, "fps": 5},
    "crops_per_second 2": {**_ALL, "crops_per_second": 2},
    "motion_gate 0.002": {**_ALL, "motion_gate": 0.002},
    "min_face 60": {"min_face": 60},
    "mask: the left half": {**_ALL, "masks": [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]},
    "region: the middle half": {**_ALL, "regions": [[[0.25, 0], [0.75, 0], [0.75, 1], [0.25, 1]]]},
    "detect_fps 5, crops_per_second 2": {"detect_fps": 5, "crops_per_second": 2},
}
_BASE: Final = "nothing spared"
_QUICK: Final = ("nothing spared", "detect_fps 5")


def _measure(context: Context, clips: Sequence[Clip], system: System) -> dict[tuple[str, str], list[Run]]:
    variants = {name: _VARIANTS[name] for name in (_QUICK if context.quick else _VARIANTS)}
    runs: dict[tuple[str, str], list[Run]] = {(clip.name, name): [] for clip in clips for name in variants}
    for repetition in range(context.repetitions):
        for clip in clips:
            for index, (name, settings) in enumerate(variants.items()):
                context.say(f"  repetition {repetition + 1}, {clip.name}, {name}")
                runs[clip.name, name].append(play(system, clip, f"{index}-{repetition}", settings))
    return runs


def _table(clip: Clip, runs: Mapping[tuple[str, str], Sequence[Run]]) -> Table:
    base = Samples.of(run.frames / run.seconds for run in runs[clip.name, _BASE])
    rows = [_row(name, of_clip, clip, base) for (of, name), of_clip in runs.items() if of == clip.name]
    total = sum(len(faces) for faces in clip.truth.values())
    columns = ("spared by", "frames/s", "ratio", "crops/s", "events", "true faces with an event", "changes told")
    return Table(f"{clip.name}: {len(clip.truth)} frames, {total} true faces", columns, rows)


def _row(name: str, runs: Sequence[Run], clip: Clip, base: Samples) -> list[str]:
    fps = Samples.of(run.frames / run.seconds for run in runs)
    crops = Samples.of(run.crops / run.seconds for run in runs)
    first = runs[0]
    return [
        name,
        fps.text(),
        number(fps.over(base).median),
        crops.text(),
        str(first.crops),
        str(count_found(first.faces, clip.truth)),
        str(len(first.changes)),
    ]


def _run(context: Context) -> Result:
    with TemporaryDirectory() as folder, running_system(context) as system:
        clips = [*(open_clip(context, name) for name in CLIPS), still_clip(context, Path(folder))]
        runs = _measure(context, clips, system)
    return Result([_table(clip, runs) for clip in clips])


CASE = Case(
    "savings",
    15,
    "Sparing work: what each way brings and costs",
    "The whole system on each clip, first with nothing spared (the detector looks at every frame at its full size and "
    "every face is classified), then with one way of sparing at a time, in turn. frames/s and crops/s run from the "
    "first frame read to the last event committed. What is lost shows in the faces that got an event in their frame, "
    "and in how many changes of an emotion were told. A region or a mask is meant to lose what lies beyond or under "
    "it, and a budget or the motion gate to leave looks out that show nothing new. held is fer_test with one picture "
    "held for twice its length, a room at rest. Cuts are always looked for: no setting leaves that out.",
    _run,
)
