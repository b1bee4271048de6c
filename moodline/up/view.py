"""What ``moodline up`` shows while it runs: a live view on a terminal, lines elsewhere."""

import sys
import time
from collections.abc import Sequence
from typing import Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from moodline.event import Event
from moodline.up.lines import event_line
from moodline.up.monitor import Monitor

_STYLES = {"live": "green", "ended": "green", "connecting": "yellow", "stalled": "yellow"}


class View(Protocol):
    """Shows a run to its user. ``log`` may be called from any thread."""

    def log(self, service: str, line: str) -> None:
        """Show a log line of a service, or of ``up`` itself."""

    def update(self, monitor: Monitor, events: Sequence[Event]) -> None:
        """Show the new events and the state of all streams."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Lines:
    """Events on stdout, log lines on stderr."""

    def log(self, service: str, line: str) -> None:
        """Write the line; a service names itself in its own lines."""
        print(f"up: {line}" if service == "up" else line, file=sys.stderr, flush=True)  # noqa: T201

    def update(self, monitor: Monitor, events: Sequence[Event]) -> None:  # noqa: ARG002 - the events say it all
        """Write a line for each event."""
        for event in events:
            print(event_line(event))  # noqa: T201
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing to do: lines stay."""


class LiveView:
    """The streams and the newest events at the bottom of the terminal; log lines scroll above them."""

    def __init__(self, console: Console, heading: str) -> None:
        self._heading = heading
        self._started = time.monotonic()
        self._live = Live(Text(heading), console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def log(self, service: str, line: str) -> None:
        """Print the line above the view."""
        self._live.console.print(f"{service}: {line}" if service == "up" else line, markup=False, highlight=False)

    def update(self, monitor: Monitor, events: Sequence[Event]) -> None:  # noqa: ARG002 - the tally holds them
        """Draw the state of all streams and the newest events."""
        seconds = time.monotonic() - self._started
        heading = Text(f"{self._heading}  ·  {seconds // 60:.0f}:{seconds % 60:02.0f}  ·  Ctrl-C ends", "bold")
        newest = [Text(event_line(event), no_wrap=True, overflow="ellipsis") for event in monitor.tally.recent]
        self._live.update(Group(heading, self._table(monitor), *newest))

    def close(self) -> None:
        """Remove the view; what was logged stays."""
        self._live.stop()

    def _table(self, monitor: Monitor) -> RenderableType:
        table = Table("stream", "state", box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("faces/s", "events", "dropped", "queued"):
            table.add_column(name, justify="right")
        table.add_column("mix of emotions", overflow="fold")
        for stream in monitor.streams:
            table.add_row(*_row(monitor, stream))
        return table


def _row(monitor: Monitor, stream: str) -> list[RenderableType]:
    tally, ledger, view = monitor.tally.of(stream), monitor.ledger(stream), monitor.views.get(stream)
    status = view.status if view else None
    state = status.state if status else "connecting"
    # What is wrong matters more than the mix of emotions that is not coming.
    note = tally.mix(most=4) if state in _STYLES or status is None else status.sentence
    return [
        stream,
        Text(state, _STYLES.get(state, "red")),
        f"{tally.rate(time.monotonic()):.1f}",
        str(ledger.events),
        str(sum(ledger.dropped.values())),
        str(ledger.queued),
        note,
    ]
