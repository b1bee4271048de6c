"""``moodline purge``: delete what is kept of a stream."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from moodline.cli.options import Config, Run

if TYPE_CHECKING:
    from moodline.purge import Purged


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write it as 2026-05-01 or 2026-05-01T08:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def purge(
    stream: Annotated[str, typer.Option(metavar="ID", help="The stream to delete.")],
    before: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            parser=_moment,
            help="Only events, summaries and dead letters that are older, as in 2026-05-01 (UTC).",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also a stream that is being read.")] = False,
    run: Run = None,
    config: Config = None,
) -> None:
    """Delete what Redis keeps of a stream.

    Its queued faces, events, summaries and dead letters. There is no way back.
    """
    from moodline.cli.connection import open_broker
    from moodline.purge import purge as delete

    broker = open_broker(config, run)
    what = _told(stream, delete(broker, stream, before=before, dry_run=True, force=force))
    if dry_run:
        typer.echo(f"Would delete {what}.")
        return
    if not yes:
        _confirm(what)
    typer.echo(f"Deleted {_told(stream, delete(broker, stream, before=before, dry_run=False, force=force))}.")


def _told(stream: str, found: "Purged") -> str:
    itself = ", and the stream itself, which was added at run time" if found.declared else ""
    return (
        f"{found.crops} queued faces, {found.events} events, {found.buckets} summaries and "
        f"{found.dead_letters} dead letters of stream {stream}{itself}"
    )


def _confirm(what: str) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"This would delete {what}; nobody can be asked here, so give --yes.")
    if not typer.confirm(f"Delete {what} for good?"):
        raise typer.Exit(1)
