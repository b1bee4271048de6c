"""How a benchmark becomes a command: its options, and failures as one sentence with an exit code."""

import sys
from collections.abc import Callable

import typer

from moodline.errors import MoodlineError


def run_command(run: Callable[..., None], name: str) -> int:
    """Run ``run`` with the options of the command line; return the exit code. ``name`` as people type it."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(run)
    try:
        app(prog_name=name)
    except MoodlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0
