"""The boxes of a video's frames, from its events, with those of the frames around them."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Labelled:
    """One face in one frame: its box in pixels, and what its event says."""

    frame: int
    x: int
    y: int
    width: int
    height: int
    emotion: str
    confidence: float


def read_boxes(events: Path) -> Iterator[Labelled]:
    """Yield the faces of a video in the order of its frames."""
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            if event["kind"] == "emotion":
                box, smoothed = event["box"], event["smoothed"]
                size = (box["width"], box["height"])
                said = (smoothed["emotion"], smoothed["confidence"])
                yield Labelled(event["frame"], box["x"], box["y"], *size, *said)


class Around:
    """The faces of a frame and of ``reach`` frames before and after it; frames are asked for in order."""

    def __init__(self, boxes: Iterator[Labelled], *, reach: int) -> None:
        self._boxes = boxes
        self._reach = reach
        self._near: deque[Labelled] = deque()
        self._next: Labelled | None = next(boxes, None)

    def of(self, frame: int) -> list[Labelled]:
        """Return the faces around a frame: a face that was missed in one frame is still covered by its neighbours."""
        while self._next is not None and self._next.frame <= frame + self._reach:
            self._near.append(self._next)
            self._next = next(self._boxes, None)
        while self._near and self._near[0].frame < frame - self._reach:
            self._near.popleft()
        return list(self._near)
