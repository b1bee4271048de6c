"""What ``moodline up`` says at its end: a table, the ledgers, and whether it was a success."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from moodline.errors import MoodlineError
from moodline.streams import Ledger
from moodline.up.monitor import Monitor

_PIPE_WIDTH = 160


class NoEventsError(MoodlineError):
    """``moodline up`` ran, but no emotion event came through."""


def print_summary(monitor: Monitor, streams: Sequence[str], seconds: float) -> None:
    """Print to stdout what came of ``seconds`` of watching; a pipe, which has no width, gets whole lines."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    console.print(_table(monitor, streams, seconds))
    for stream in streams:
        for line in _stream_lines(monitor, stream):
            console.print(line, markup=False, soft_wrap=True)


def _table(monitor: Monitor, streams: Sequence[str], seconds: float) -> Table:
    title = f"Summary of {seconds:.1f} s"
    table = Table("stream", box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for name in ("tracks", "events", "events/s", "p50 ms", "p95 ms"):
        table.add_column(name, justify="right")
    table.add_column("mix of emotions", overflow="fold")
    for stream in streams:
        tally, status = monitor.tally.of(stream), monitor.status(stream)
        latency = tally.latency_ms()
        p50, p95 = (f"{value:.0f}" for value in latency) if latency else ("-", "-")
        rate = tally.events / seconds if seconds > 0 else 0.0
        none = "no faces were found" if status and status.frames else "no picture came"
        counts = (str(tally.faces), str(tally.events), f"{rate:.1f}")
        table.add_row(stream, *counts, p50, p95, tally.mix() or none)
    return table


def _stream_lines(monitor: Monitor, stream: str) -> list[str]:
    view, status = monitor.views.get(stream), monitor.status(stream)
    if view is None or status is None:
        return [f"{stream}: has not been opened"]
    balance = "balanced" if view.ledger.balanced else "NOT BALANCED, please report this"
    return [
        f"{stream}: {status.state}: {status.sentence}",
        f"{stream}: {ledger_line(monitor.ledger(stream))} ({balance})",
    ]


def ledger_line(ledger: Ledger) -> str:
    """Return a ledger as the sum that it must be."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in ledger.dropped.items() if count)
    dropped = f"{sum(ledger.dropped.values())} dropped" + (f" [{reasons}]" if reasons else "")
    return f"accepted {ledger.accepted} = {ledger.events} events + {dropped} + {ledger.queued} queued"


def require_events(monitor: Monitor, streams: Sequence[str]) -> None:
    """Return if emotion events came through, or if recordings were read to their end and had no face in them.

    Raises NoEventsError with the sentences of the streams otherwise.
    """
    if monitor.tally.events:
        return
    statuses = [monitor.status(stream) for stream in streams]
    all_read = all(status and status.kind == "recorded" and status.state == "ended" for status in statuses)
    if all_read and not any(monitor.ledger(stream).accepted for stream in streams):
        return
    reasons = [
        f"{stream} is {status.state} ({status.sentence.rstrip('.')})" if status else f"{stream} was never opened"
        for stream, status in zip(streams, statuses, strict=True)
    ]
    raise NoEventsError(f"No emotion event came through: {'; '.join(reasons)}.")
