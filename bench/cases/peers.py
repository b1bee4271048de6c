"""Others on the same clip: the original notebook's loop, and the package `fer`, where it is installed."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from typing import Any

from bench.case import Case, Context, Result, Table
from bench.clips import QUICK_FRAMES, Clip, Run, open_clip, play
from bench.faces import count_found
from bench.notebook_loop import LoopRun, NotebookLoop, notebook_loop
from bench.samples import Samples
from bench.system import System, running_system

_CLIP = "fer_test"
_HOW = (
    "fer is not installed here, so its row is missing: `pip install --no-deps fer==25.10` and `pip install requests "
    "'setuptools<81'` bring what its loop needs beside moodline, without its PyTorch."
)


class _Loaded:
    """What fer's process keeps from one run to the next."""

    detector: Any = None


def _load_fer() -> None:
    from fer.fer import FER  # type: ignore[import-not-found,unused-ignore]

    _Loaded.detector = FER(mtcnn=False)  # its default: Haar on every frame, a small Xception for all faces at once


def _fer_loop(clip: str, most_frames: int | None) -> LoopRun:
    import cv2

    run, capture = LoopRun(), cv2.VideoCapture(clip)
    began = time.perf_counter()
    while most_frames is None or run.frames < most_frames:
        ok, frame = capture.read()
        if not ok:
            break
        found = _Loaded.detector.detect_emotions(frame)
        run.faces[run.frames] = [tuple(float(side) for side in face["box"]) for face in found]  # type: ignore[misc]
        run.frames += 1
    run.seconds = time.perf_counter() - began
    return run


def _measure(
    context: Context, clip: Clip, system: System, loop: NotebookLoop, fer: ProcessPoolExecutor | None
) -> dict[str, list[LoopRun | Run]]:
    runs: dict[str, list[LoopRun | Run]] = {"moodline": [], "the notebook's loop": [], "fer": []}
    most = QUICK_FRAMES if context.quick else None
    for repetition in range(context.repetitions):
        context.say(f"  repetition {repetition + 1}")
        runs["the notebook's loop"].append(loop.run(clip.path, most_frames=most))
        if fer is not None:
            runs["fer"].append(fer.submit(_fer_loop, str(clip.path), most).result())
        runs["moodline"].append(play(system, clip, f"peer-{repetition}"))
    return {name: found for name, found in runs.items() if found}


def _run(context: Context) -> Result:
    clip = open_clip(context, _CLIP)
    spawn = multiprocessing.get_context("spawn")
    with running_system(context) as system, notebook_loop() as loop:
        if find_spec("fer") is None:
            runs = _measure(context, clip, system, loop, None)
        else:
            with ProcessPoolExecutor(1, mp_context=spawn, initializer=_load_fer) as fer:
                fer.submit(_fer_loop, str(clip.path), 1).result()
                runs = _measure(context, clip, system, loop, fer)
    ours = Samples.of(run.frames / run.seconds for run in runs["moodline"])
    rows = []
    for name, found in runs.items():
        fps = Samples.of(run.frames / run.seconds for run in found)
        seen = count_found(found[0].faces, clip.truth)
        rows.append([name, fps.text(), ours.over(fps).text(), str(seen)])
    total = sum(len(faces) for faces in clip.truth.values())
    title = f"{_CLIP}: {len(clip.truth)} frames, {total} true faces"
    table = Table(title, ("", "frames/s", "moodline is faster by", "true faces"), rows)
    return Result([table], notes=[] if "fer" in runs else [_HOW])


CASE = Case(
    "peers",
    15,
    "Peers: the same clip with others",
    "The notebook's loop and the package `fer` (25.10, Haar and a small Xception, its default) in processes of their "
    "own, warm, and moodline as a whole system with its default settings; each in turn. `fer` has another, smaller "
    "model; true faces as in the first case.",
    _run,
)
