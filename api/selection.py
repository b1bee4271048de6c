"""Which events a subscriber wants."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from moodline.emotions import Emotion
from moodline.event import Event, EventKind


@dataclass(frozen=True, slots=True)
class Selection:
    """An empty set does not restrict."""

    streams: AbstractSet[str] = frozenset()
    kinds: AbstractSet[EventKind] = frozenset()
    emotions: AbstractSet[Emotion] = frozenset()

    @property
    def takes_all(self) -> bool:
        """Whether every event is wanted."""
        return not (self.streams or self.kinds or self.emotions)

    def takes(self, event: Event) -> bool:
        """Return whether ``event`` is wanted."""
        return (
            (not self.streams or event.stream in self.streams)
            and (not self.kinds or event.kind in self.kinds)
            and (not self.emotions or event.emotion in self.emotions)
        )
