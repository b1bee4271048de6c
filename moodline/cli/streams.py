"""``moodline streams``: which streams there are and how they fare."""

import dataclasses
import json
from typing import TYPE_CHECKING

import typer

from moodline.cli.options import AsJson, Config, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from moodline.streams import StreamView

_PIPE_WIDTH = 200


def streams(as_json: AsJson = False, run: Run = None, config: Config = None) -> None:
    """List the streams and how they fare."""
    from moodline.cli.connection import open_broker
    from moodline.streams import list_streams

    views = list_streams(open_broker(config, run))
    if as_json:
        for view in views:
            typer.echo(json.dumps(dataclasses.asdict(view)))
    elif views:
        _print(_table(views))
    else:
        typer.echo("No stream has been seen yet.")


def _print(table: "Table") -> None:
    from rich.console import Console

    console = Console()
    # A pipe has no width: nothing is cut off there.
    (console if console.is_terminal else Console(width=_PIPE_WIDTH)).print(table)


def _table(views: "Sequence[StreamView]") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table("stream", "state", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("accepted", "events", "dropped", "queued", "open tracks"):
        table.add_column(name, justify="right")
    table.add_column("what to know", overflow="fold")
    for view in views:
        ledger, status = view.ledger, view.status
        numbers = (
            ledger.accepted,
            ledger.events,
            sum(ledger.dropped.values()),
            ledger.queued,
            view.open_tracks,
        )
        state, sentence = (status.state, status.sentence) if status else ("connecting", "")
        table.add_row(view.id, state, *map(str, numbers), sentence)
    return table
