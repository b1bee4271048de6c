"""Follows the streams of ``moodline up`` in Redis: their events, states and ledgers."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moodline.broker import Broker
from moodline.event import Event, latest_cursor, read_events
from moodline.streams import Ledger, StreamState, StreamStatus, StreamView, stream_view
from moodline.up.tally import Tally

_BATCH = 500
_REFRESH_S = 0.5
_NO_MORE: frozenset[StreamState] = frozenset({"ended", "stopped", "not_found", "unsupported"})
"""States of a recording from which no more frames come."""
_NOTHING = Ledger(accepted=0, events=0, dropped={}, queued=0)


@dataclass(frozen=True, slots=True)
class _Before:
    """A stream as it stood in a shared Redis before this run."""

    token: str | None
    ledger: Ledger


class Monitor:
    """What comes out of ``streams`` from now on. A server that others use too may know them from before."""

    def __init__(self, broker: Broker, streams: Sequence[str]) -> None:
        self._broker = broker
        self._streams = streams
        self._cursor = latest_cursor(broker)
        self._before = {stream: self._state_before(stream) for stream in streams}
        self._refresh_at = 0.0
        self.tally = Tally()
        self.views: dict[str, StreamView] = {}
        self._last_statuses: Mapping[str, StreamStatus] = {}

    def poll(self, block_ms: int) -> list[Event]:
        """Return the events that have come, waiting up to ``block_ms`` for the first; raises BrokerError."""
        found, self._cursor = read_events(
            self._broker, after=self._cursor, count=_BATCH, streams=self._before, block_ms=block_ms
        )
        events = [event for _, event in found]
        for event in events:
            self.tally.add(event)
        if time.monotonic() >= self._refresh_at:
            self.refresh()
        return events

    def refresh(self) -> None:
        """Read states and ledgers of all streams that a reader of this run has opened; raises BrokerError."""
        for stream in self._streams:
            view = stream_view(self._broker, stream)
            if view is not None and view.token != self._before[stream].token:
                self.views[stream] = view
        self._refresh_at = time.monotonic() + _REFRESH_S

    def note_statuses(self) -> None:
        """Keep the streams' statuses as they are: the end of the run will call every stream stopped."""
        self._last_statuses = {name: view.status for name, view in self.views.items() if view.status}

    def status(self, stream: str) -> StreamStatus | None:
        """Return what was last known of a stream before the run was ended; None if it was never opened."""
        view = self.views.get(stream)
        return self._last_statuses.get(stream) or (view.status if view else None)

    @property
    def drained(self) -> bool:
        """Whether no crop waits or is in work and no face is in view, as of the last refresh."""
        return all(view.ledger.queued == 0 and view.open_tracks == 0 for view in self.views.values())

    @property
    def finished(self) -> bool:
        """Whether all streams are recordings that have been read and worked off to their end."""
        if not self._streams or len(self.views) < len(self._streams) or not self.drained:
            return False
        statuses = [view.status for view in self.views.values()]
        return all(status and status.kind == "recorded" and status.state in _NO_MORE for status in statuses)

    def ledger(self, stream: str) -> Ledger:
        """Return what this run added to a stream's ledger."""
        view = self.views.get(stream)
        if view is None:
            return _NOTHING
        now, before = view.ledger, self._before[stream].ledger
        # What was queued before is worked off in this run, so it counts as accepted by it.
        return Ledger(
            accepted=now.accepted - before.accepted + before.queued,
            events=now.events - before.events,
            dropped=_difference(now.dropped, before.dropped),
            queued=now.queued,
        )

    def _state_before(self, stream: str) -> _Before:
        view = stream_view(self._broker, stream)
        return _Before(view.token if view else None, view.ledger if view else _NOTHING)


def _difference(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {reason: count - before.get(reason, 0) for reason, count in now.items()}
