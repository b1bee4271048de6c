"""``moodline data``, ``train``, ``evaluate`` and the like: hand over to the programs that do it, options and all."""

from pathlib import Path

import typer

from moodline.cli.services import replace_process
from moodline.errors import ConfigError


def data(context: typer.Context) -> None:
    """Say what a data set holds: moodline data summary DIR."""
    replace_process("-P", "-m", "trainer", "data", *context.args)


def report(context: typer.Context) -> None:
    """Make the report of a training run, one HTML file."""
    replace_process("-P", "-m", "trainer", "report", *context.args)


def train(context: typer.Context) -> None:
    """Train a model from a folder of faces or fer2013.csv."""
    replace_process("-P", "-m", "trainer", "train", *context.args)


def ablate(context: typer.Context) -> None:
    """Train the variants of a plan, and compare them."""
    replace_process("-P", "-m", "trainer", "ablate", *context.args)


def evaluate(context: typer.Context) -> None:
    """Score a model on a folder of faces or fer2013.csv."""
    replace_process("-P", "-m", "trainer", "evaluate", *context.args)


def bench(context: typer.Context) -> None:
    """Measure against the original notebook's loop."""
    if not Path("bench/__main__.py").is_file():
        raise ConfigError("The benchmark belongs to a checkout of moodline: run this in its top folder.")
    replace_process("-m", "bench", *context.args)
