"""What a capture process tells of itself. Imports no NumPy: the supervisor reads it too, and stays small."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from moodline.streams import SkipReason, StreamState


@dataclass(frozen=True, slots=True)
class Condition:
    """The state of a source and one sentence about it."""

    state: StreamState
    sentence: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Totals of one capture process since it began."""

    frames: int = 0
    faces: int = 0
    crops: int = 0
    reconnects: int = 0
    skipped: Mapping[SkipReason, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life. ``share``: of its rate at which the stream is looked at, less than 1 while workers are slower."""

    condition: Condition
    counts: Counts
    share: float = 1.0
