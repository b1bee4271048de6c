"""Clips with known true faces, and what the whole system makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2

from bench.case import Context
from bench.faces import Boxes, true_faces
from bench.system import YUNET, System, wait_for

CLIPS = ("short_hamilton_clip", "fer_test")
QUICK_FRAMES = 60
HELD_FROM, HELD_FRAMES = 60, 230
_ENDED_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of the whole system over a clip: from the first frame read to the last event committed."""

    frames: int
    crops: int
    seconds: float
    faces: Boxes
    changes: tuple[str, ...]
    """The emotions that tracks changed to, in the order in which that was told."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip and the faces of its frames."""

    name: str
    path: Path
    fps: float
    truth: Boxes


def open_clip(context: Context, name: str) -> Clip:
    """Return a clip; with ``context.quick`` only its first frames count. Raises NotMeasurableError."""
    return _with_truth(context, name, context.require(f"data/media/{name}.mp4"))


def still_clip(context: Context, folder: Path) -> Clip:
    """Write fer_test into ``folder`` with one of its pictures held for a while, as a camera sees a room at rest."""
    capture = cv2.VideoCapture(str(context.require("data/media/fer_test.mp4")))
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    path = folder / "held.mp4"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), capture.get(cv2.CAP_PROP_FPS), size)
    number = 0
    while (read := capture.read())[0]:
        for _ in range(1 + HELD_FRAMES * (number == HELD_FROM)):
            film.write(read[1])
        number += 1
    film.release()
    return _with_truth(context, "held", path)


def _with_truth(context: Context, name: str, path: Path) -> Clip:
    context.say(f"  {name}: looking for its true faces")
    truth = true_faces(path, context.require(YUNET))
    if context.quick:
        truth = {frame: faces for frame, faces in truth.items() if frame < QUICK_FRAMES}
    return Clip(name, path, cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS), truth)


def play(system: System, clip: Clip, name: str, settings: Mapping[str, Any] = MappingProxyType({})) -> Run:
    """Send a clip through the system once, as stream ``name`` with ``settings`` of its own."""
    stream = f"{clip.name}-{name}"
    with system.reading([{"id": stream, "url": str(clip.path), **settings}], until_ended=True) as ingest:
        wait_for(ingest.ended_well, within_s=_ENDED_WITHIN_S, what="the clip has been read")
    wait_for(lambda: _all_done(system, stream), within_s=_ENDED_WITHIN_S, what="all crops have their event")
    return _run_of(system, stream, clip)


def _all_done(system: System, stream: str) -> bool:
    ledger = system.ledger(stream)
    return ledger is not None and ledger.queued == 0


def _run_of(system: System, stream: str, clip: Clip) -> Run:
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
    return Run(status.frames, len(events), (ended_ms - began_ms) / 1000, faces, _changes(system, stream))


def _changes(system: System, stream: str) -> tuple[str, ...]:
    found = system.server.events(stream, kind="emotion_changed")
    return tuple(str(event.emotion) for _, event in found)
