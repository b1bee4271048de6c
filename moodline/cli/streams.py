"""``moodline streams``: which streams there are and how they fare; ``add``, ``pause``, ``resume``, ``remove``."""

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moodline.cli.options import AsJson, Config, Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.table import Table

    from moodline.broker import Broker
    from moodline.streams import StreamView

_PIPE_WIDTH = 200

StreamId = Annotated[str, typer.Argument(metavar="ID", help="The stream's id.")]


def build_streams() -> typer.Typer:
    """Return the commands about streams; without one of them they are listed."""
    app = typer.Typer(help="List, add, pause, resume and remove streams.")
    app.callback(invoke_without_command=True)(streams)
    for command in (add, pause, resume, remove):
        app.command()(command)
    return app


def streams(context: typer.Context, as_json: AsJson = False, run: Run = None, config: Config = None) -> None:
    """List, add, pause, resume and remove streams."""
    if context.invoked_subcommand is not None:
        return
    from moodline.cli.connection import open_broker
    from moodline.known import known_streams

    views = known_streams(open_broker(config, run))
    if as_json:
        for view in views:
            typer.echo(json.dumps(dataclasses.asdict(view)))
    elif views:
        _print(_table(views))
    else:
        typer.echo("No stream has been seen yet.")


def add(
    stream: StreamId,
    url: Annotated[str, typer.Argument(metavar="URL", help="Its source; passwords as ${CAMERA_NAME}.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting as in the file, such as fps=2; may be repeated."),
    ] = None,
    run: Run = None,
    config: Config = None,
) -> None:
    """Add a stream while moodline runs.

    Its source must be one that api.stream_sources allows.
    """
    from moodline.cli.connection import open_broker
    from moodline.declared import add_stream
    from moodline.known import check_not_in_file
    from moodline.settings import load_settings

    broker, own = open_broker(config, run), load_settings(config)
    check_not_in_file(broker, stream, own.streams)
    add_stream(broker, own.api, {**dict(map(_setting, settings or ())), "id": stream, "url": url})
    typer.echo(f"Added stream {stream}; an ingest host begins to read it within seconds.")


def pause(stream: StreamId, run: Run = None, config: Config = None) -> None:
    """Read a stream no longer that was added at run time, and keep it."""
    _change(stream, {"enabled": False}, run, config)
    typer.echo(f"Stream {stream} is paused; `moodline streams resume {stream}` goes on with it.")


def resume(stream: StreamId, run: Run = None, config: Config = None) -> None:
    """Go on with a stream that was paused."""
    _change(stream, {"enabled": None}, run, config)
    typer.echo(f"Stream {stream} goes on within seconds.")


def remove(stream: StreamId, run: Run = None, config: Config = None) -> None:
    """Remove a stream that was added at run time.

    What it has queued is dropped; its events and summaries stay until their time is over (see moodline purge).
    """
    from moodline.declared import declared_streams
    from moodline.purge import remove_stream

    broker = _broker_for(stream, run, config)
    if stream not in declared_streams(broker):
        _refuse(broker, stream)
    remove_stream(broker, stream, undeclare=True)
    typer.echo(f"Removed stream {stream}.")


def _setting(text: str) -> tuple[str, Any]:
    """Return name and value of ``fps=2``; a value is YAML, as in the file."""
    from yaml import YAMLError

    from moodline.config.document import CoreLoader

    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is no setting; write it as NAME=VALUE.")
    try:
        return name, CoreLoader(value).get_single_data()
    except YAMLError:
        raise typer.BadParameter(f"The value of {name} is no YAML; write it as in the file.") from None


def _change(stream: str, changes: "Mapping[str, Any]", run: int | None, config: "Path | None") -> None:
    from moodline.declared import change_stream
    from moodline.settings import load_settings

    broker = _broker_for(stream, run, config)
    if not change_stream(broker, load_settings(config).api, stream, changes):
        _refuse(broker, stream)


def _broker_for(stream: str, run: int | None, config: "Path | None") -> "Broker":
    """Connect, and make sure that the stream stands in no file."""
    from moodline.cli.connection import open_broker
    from moodline.known import check_not_in_file
    from moodline.settings import load_settings

    broker = open_broker(config, run)
    check_not_in_file(broker, stream, load_settings(config).streams)
    return broker


def _refuse(broker: "Broker", stream: str) -> None:
    from moodline.known import check_not_only_read

    check_not_only_read(broker, stream)
    raise typer.BadParameter(f"There is no stream {stream!r}; `moodline streams` lists those that are known.")


def _print(table: "Table") -> None:
    from rich.console import Console

    console = Console()
    # A pipe has no width: nothing is cut off there.
    (console if console.is_terminal else Console(width=_PIPE_WIDTH)).print(table)


def _table(views: "Sequence[StreamView]") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table("stream", "state", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("read by")
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
        table.add_row(view.id, state, view.reader.partition("/")[0], *map(str, numbers), sentence)
    return table
