"""`python -m trainer`: train, evaluate and publish models."""

import logging
import os
import signal
import sys
from typing import Literal

import typer

from moodline.errors import MoodlineError
from trainer.commands.ablation import ablate
from trainer.commands.dataset import build_data
from trainer.commands.reporting import report
from trainer.commands.scoring import evaluate
from trainer.commands.training import build_models, train


def build_app() -> typer.Typer:
    """Return the commands, as `moodline` hands over to them."""
    # Rich draws frames even into pipes and logs; plain help is what they want.
    markup: Literal["rich"] | None = "rich" if sys.stdout.isatty() else None
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=markup,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Train, evaluate and publish models.",
    )
    app.add_typer(build_data(), name="data")
    app.add_typer(build_models(), name="models")
    for command in (train, report, evaluate, ablate):
        app.command()(command)
    return app


def main() -> None:
    """Run the command line; errors of moodline are one sentence and an exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it says much that is no news
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    for number in (signal.SIGINT, signal.SIGTERM):
        # SIGTERM stops in the same order; and a shell has Ctrl-C ignored by what it runs in the background.
        signal.signal(number, signal.default_int_handler)
    try:
        build_app()(prog_name="moodline")
    except MoodlineError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
