"""Follows the streams of ``moodline up`` in Redis: their events, states and ledgers."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from moodline.broker import Broker
from moodline.event import Event, latest_cursor, read_events
from moodline.streams import Ledger, StreamState, StreamStatus, StreamView, stream_ids, stream_view
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


_NEW = _Before(None, _NOTHING)


class Monitor:
    """What comes out of ``streams`` from now on. A server that others use too may know them from before.

    With ``added`` it follows every other stream of the server as well, as on a private one those that are added later.
    """

    def __init__(self, broker: Broker, streams: Sequence[str], *, added: bool = False) -> None:
        self._broker = broker
        self._streams = streams
        self._cursor = latest_cursor(broker)
        self._before = {stream: self._state_before(stream) for stream in streams}
        self._added = added
        self._refresh_at = 0.0
        self.tally = Tally()
        self.views: dict[str, StreamView] = {}
        self._last_statuses: Mapping[str, StreamStatus] = {}

    def poll(self, block_ms: int) -> list[Event]:
        """Return the events that have come, waiting up to ``block_ms`` for the first; raises BrokerError."""
        found, self._cursor = read_events(
            self._broker,
            after=self._cursor,
            count=_BATCH,
            streams=None if self._added else self._before,
            block_ms=block_ms,
        )
        events = [event for _, event in found]
        for event in events:
            self.tally.add(event)
        if time.monotonic() >= self._refresh_at:
            self.refresh()
        return events

    def refresh(self) -> None:
        """Read states and ledgers of all streams that a reader of this run has opened; raises BrokerError."""
        if self._added:
            self._before |= {stream: _NEW for stream in stream_ids(self._broker) if stream not in self._before}
        for stream in self._before:
            view = stream_view(self._broker, stream)
            if view is not None and view.token != self._before[stream].token:
                self.views[stream] = view
            elif view is None and stream not in self._streams:
                self.views.pop(stream, None)  # it was added, and has been removed
        self._refresh_at = time.monotonic() + _REFRESH_S

    def note_statuses(self) -> None:
        """Keep the streams' statuses as they are: the end of the run will call every stream stopped."""
        self._last_statuses = {name: view.status for name, view in self.views.items() if view.status}

    def status(self, stream: str) -> StreamStatus | None:
        """Return what was last known of a stream before the run was ended; None if it was never opened."""
        view = self.views.get(stream)
        return self._last_statuses.get(stream) or (view.status if view else None)

    @property
    def streams(self) -> list[str]:
        """The streams that are followed: the first ones, and those that were added later and have been opened."""
        return [*self._streams, *(stream for stream in self.views if stream not in self._streams)]

    @property
    def drained(self) -> bool:
        """Whether no crop waits or is in work and no face is in view, as of the last refresh."""
        return _drained(self.views.values())

    @property
    def finished(self) -> bool:
        """Whether all of the first streams are recordings that have been read and worked off to their end."""
        views = [self.views[stream] for stream in self._streams if stream in self.views]
        if not self._streams or len(views) < len(self._streams) or not _drained(views):
            return False
        statuses = [view.status for view in views]
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


def _drained(views: Iterable[StreamView]) -> bool:
    return all(view.ledger.queued == 0 and view.open_tracks == 0 for view in views)


def _difference(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {reason: count - before.get(reason, 0) for reason, count in now.items()}
