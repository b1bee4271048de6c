"""Sums up the events of one video: as a whole, step by step, and face by face. One pass, memory by steps and faces."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from moodline.emotions import EMOTIONS, Emotion
from moodline.event import Event

_STEPS_S: Final = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
_MOST_STEPS: Final = 240


@dataclass(slots=True)
class Mix:
    """Emotions of some faces: how often each was the most likely one, and the sums of the probabilities."""

    faces: int = 0
    counts: Counter[Emotion] = field(default_factory=Counter)
    sums: Counter[Emotion] = field(default_factory=Counter)
    confidence: float = 0.0

    def add(self, event: Event) -> None:
        """Count one emotion event."""
        self.faces += 1
        self.counts[event.emotion] += 1
        self.confidence += event.confidence
        for emotion, probability in (event.probabilities or {}).items():
            self.sums[emotion] += probability  # type: ignore[assignment]  # a Counter adds floats just as well

    @property
    def strongest(self) -> Emotion | None:
        """The emotion with the highest mean probability; None without faces."""
        if not self.faces:
            return None
        strongest: Emotion = max(EMOTIONS, key=self.sums.__getitem__)
        return strongest

    def shares(self) -> Mapping[Emotion, float]:
        """Return the share of the faces of each emotion."""
        return {emotion: self.counts[emotion] / self.faces if self.faces else 0.0 for emotion in EMOTIONS}

    def means(self) -> Mapping[Emotion, float]:
        """Return the mean probability of each emotion."""
        return {emotion: self.sums[emotion] / self.faces if self.faces else 0.0 for emotion in EMOTIONS}


@dataclass(slots=True)
class Step(Mix):
    """One step of the timeline, from ``at_s`` of the video on."""

    at_s: float = 0.0
    tracks: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Track(Mix):
    """One face from when it came into view until it left; ``changes``: of its steady emotion."""

    id: str = ""
    first_s: float = 0.0
    last_s: float = 0.0
    changes: int = 0
    largest_px: int = 0


@dataclass(slots=True)
class Tally:
    """What came out of a video; ``models`` names those that judged, with their versions."""

    step_s: float
    fps: float = 0.0
    duration_s: float = 0.0
    whole: Mix = field(default_factory=Mix)
    steps: list[Step] = field(default_factory=list)
    tracks: dict[str, Track] = field(default_factory=dict)
    models: Counter[str] = field(default_factory=Counter)

    def in_view(self, step: Step, emotion: Emotion) -> float:
        """Return how many faces with that emotion a frame of the step shows, on average."""
        frames = self.fps * min(self.step_s, self.duration_s - step.at_s)
        return step.counts[emotion] / max(1.0, frames)


def sum_up(events: Iterable[Event], started_at: datetime, *, duration_s: float, frames: int) -> Tally:
    """Sum up the events of a video that began at ``started_at``."""
    step_s = step_of(duration_s)
    tally = Tally(step_s, frames / duration_s if duration_s else 0.0, duration_s)
    tally.steps = [Step(at_s=number * step_s) for number in range(max(1, -int(-duration_s // step_s)))]
    for event in events:
        at_s = max(0.0, (event.captured_at - started_at).total_seconds())
        track = tally.tracks.setdefault(event.track, Track(id=event.track, first_s=at_s))
        if event.kind == "emotion":
            _add(tally, track, event, at_s)
        elif event.kind == "emotion_changed":
            track.changes += 1
    return tally


def step_of(duration_s: float) -> float:
    """Return the step of a timeline: round, and not so short that there are too many of them."""
    return next((step for step in _STEPS_S if duration_s / step <= _MOST_STEPS), _STEPS_S[-1])


def _add(tally: Tally, track: Track, event: Event, at_s: float) -> None:
    tally.whole.add(event)
    tally.models[f"{event.model.name} {event.model.version}"] += 1
    step = tally.steps[min(int(at_s / tally.step_s), len(tally.steps) - 1)]
    step.add(event)
    step.tracks.add(event.track)
    track.add(event)
    track.last_s = max(track.last_s, at_s)
    track.largest_px = max(track.largest_px, event.box.width)
