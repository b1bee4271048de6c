"""`python -m trainer`: train, evaluate and publish models."""

import logging
import os
import signal
import sys
from importlib.util import find_spec
from typing import Final, Literal

import typer

from moodline.errors import ConfigError, MoodlineError
from trainer.commands.ablation import ablate
from trainer.commands.dataset import build_data
from trainer.commands.reporting import report
from trainer.commands.scoring import evaluate
from trainer.commands.training import build_models, train

BACKENDS: Final = ("tensorflow", "jax", "torch")
"""Keras's backends, the one to take first where several are installed first."""

log = logging.getLogger(__name__)


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
    """Run the command line; what has a known cause is one sentence and an exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it says much that is no news
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 26))  # a small file can hold gigabytes of one grey
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    for number in (signal.SIGINT, signal.SIGTERM):
        # SIGTERM stops in the same order; and a shell has Ctrl-C ignored by what it runs in the background.
        signal.signal(number, signal.default_int_handler)
    try:
        choose_backend()
        build_app()(prog_name="moodline")
    except MoodlineError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        typer.echo(f"error: {error.name} is not installed: pip install 'moodline[trainer]' brings it.", err=True)
        sys.exit(2)
    except OSError as error:
        where = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        typer.echo(f"error: {where}; check the path and its permissions.", err=True)
        sys.exit(1)


def choose_backend() -> None:
    """Let Keras run on the backend that is installed, if nobody chose one. Raises ConfigError for what is none."""
    chosen = os.environ.get("KERAS_BACKEND")
    if chosen and chosen not in BACKENDS:
        raise ConfigError(f"KERAS_BACKEND is {chosen!r}: set it to one of {', '.join(BACKENDS)}, or not at all.")
    if chosen or find_spec(BACKENDS[0]) is not None:
        return
    found = next((name for name in BACKENDS if find_spec(name) is not None), None)
    if found is not None:
        os.environ["KERAS_BACKEND"] = found
        log.info("Keras runs on %s, which is installed, in place of TensorFlow.", found)


if __name__ == "__main__":
    main()
