"""Puts the commands together."""

import sys
from collections.abc import Callable
from typing import Annotated, Literal

import typer

from moodline import __version__
from moodline.cli.analyse import analyse
from moodline.cli.check_config import check_config
from moodline.cli.doctor import doctor
from moodline.cli.events import events
from moodline.cli.keys import build_keys
from moodline.cli.models import build_models
from moodline.cli.probe import probe
from moodline.cli.purge import purge
from moodline.cli.services import api, ingest, jobs, worker
from moodline.cli.streams import build_streams
from moodline.cli.tools import ablate, bench, data, evaluate, report, train
from moodline.cli.up import up

Command = Callable[..., None]

_HELP = """moodline: cameras in, emotion events out.

Start with: moodline up --source demo
"""
_WATCH = "Watch"
_RUN = "Run one service of a larger installation"
_TRAIN = "Train and measure"
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def build_app() -> typer.Typer:
    """Return the command line with all its commands."""
    # Rich draws frames even into pipes and logs; plain help is what they want.
    markup: Literal["rich"] | None = "rich" if sys.stdout.isatty() else None
    app = typer.Typer(
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=markup,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    watch: tuple[Command, ...] = (up, analyse, events, probe, check_config, doctor, purge)
    services: tuple[Command, ...] = (ingest, worker, api, jobs)
    tools: tuple[Command, ...] = (data, train, report, evaluate, ablate, bench)
    for command in watch:
        app.command(rich_help_panel=_WATCH)(command)
    app.add_typer(build_streams(), name="streams", rich_help_panel=_WATCH)
    app.add_typer(build_keys(), name="keys", rich_help_panel=_WATCH)
    for command in services:
        app.command(rich_help_panel=_RUN)(command)
    for command in tools:
        # --help too is passed on: the program behind the command describes its own options.
        app.command(rich_help_panel=_TRAIN, context_settings=_PASS_ON, add_help_option=False)(command)
    app.add_typer(build_models(), name="models", rich_help_panel=_TRAIN)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"moodline {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Options of moodline itself."""
