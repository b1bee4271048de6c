"""`data summary`: what is there, before hours are spent on it."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.commands.options import AsJson


def build_data() -> typer.Typer:
    """Return the commands about data."""
    app = typer.Typer(help="Look at a data set.", no_args_is_help=True)
    app.callback()(_about)
    app.command()(summary)
    return app


def _about() -> None:
    """Look at a data set."""


def summary(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder, zip or fer2013.csv.")],
    as_json: AsJson = False,
) -> None:
    """Say how many faces of which emotion there are, what cannot be used, and what is there twice."""
    from rich.console import Console

    from trainer.data import open_data
    from trainer.data.summary import show, summarise

    found = summarise(open_data(data))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        show(found, Console())
