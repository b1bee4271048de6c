"""What has come out of the streams since ``moodline up`` began, counted from the events themselves."""

import statistics
import time
from collections import Counter, deque
from dataclasses import dataclass, field

from moodline.event import Event
from moodline.up.lines import capture_to_event_ms

_LATENCIES_KEPT = 20_000
_RATE_WINDOW_S = 5.0
_RECENT = 8


@dataclass(slots=True)
class StreamTally:
    """Counts of one stream; ``latencies_ms`` are of the newest events, capture to event."""

    events: int = 0
    faces: int = 0
    emotions: Counter[str] = field(default_factory=Counter)
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCIES_KEPT))
    _arrivals: deque[float] = field(default_factory=deque)

    def add(self, event: Event, now: float) -> None:
        """Count one event that arrived at ``now`` (monotonic seconds)."""
        if event.kind == "face_entered":
            self.faces += 1
        if event.kind != "emotion":
            return
        self.events += 1
        self.emotions[event.emotion] += 1
        self._arrivals.append(now)
        self._forget(now)
        latency_ms = capture_to_event_ms(event)
        if latency_ms is not None:
            self.latencies_ms.append(latency_ms)

    def rate(self, now: float) -> float:
        """Return emotion events a second over the last seconds."""
        self._forget(now)
        return len(self._arrivals) / _RATE_WINDOW_S

    def latency_ms(self) -> tuple[float, float] | None:
        """Return p50 and p95 from capture to event, None before the first event."""
        if not self.latencies_ms:
            return None
        if len(self.latencies_ms) == 1:
            return self.latencies_ms[0], self.latencies_ms[0]
        cuts = statistics.quantiles(self.latencies_ms, n=20, method="inclusive")
        return cuts[9], cuts[18]

    def mix(self, most: int = 7) -> str:
        """Return the shares of the emotions, the most frequent first: ``happy 62%, neutral 38%``."""
        shares = ((emotion, count / self.events) for emotion, count in self.emotions.most_common(most))
        return ", ".join(f"{emotion} {share:.0%}" for emotion, share in shares)

    def _forget(self, now: float) -> None:
        while self._arrivals and self._arrivals[0] < now - _RATE_WINDOW_S:
            self._arrivals.popleft()


class Tally:
    """Counts of all streams, and the newest events."""

    def __init__(self) -> None:
        self.streams: dict[str, StreamTally] = {}
        self.recent: deque[Event] = deque(maxlen=_RECENT)

    def add(self, event: Event) -> None:
        """Count one event, now."""
        self.streams.setdefault(event.stream, StreamTally()).add(event, time.monotonic())
        self.recent.append(event)

    def of(self, stream: str) -> StreamTally:
        """Return the counts of a stream, zeros before its first event."""
        return self.streams.get(stream) or StreamTally()

    @property
    def events(self) -> int:
        """All emotion events so far."""
        return sum(stream.events for stream in self.streams.values())
