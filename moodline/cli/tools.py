"""``moodline data``, ``train``, ``evaluate`` and the like: hand over to the programs that do it, options and all."""

import os
from pathlib import Path
from typing import Final, NoReturn

import typer

from moodline.cli.options import Config
from moodline.cli.services import replace_process
from moodline.errors import ConfigError

_REGISTRY: Final = "MOODLINE_WORKER__REGISTRY"


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


def evaluate(context: typer.Context, config: Config = None) -> None:
    """Score a model on a folder of faces or fer2013.csv."""
    with_registry(config, "evaluate", *context.args)


def with_registry(config: Path | None, *arguments: str) -> NoReturn:
    """Hand over to a program of the trainer that looks for models where the configuration's workers do.

    It reads no configuration itself; its ``--registry`` and the environment come first.
    """
    from moodline.settings import load_settings

    named = any(argument.partition("=")[0] == "--registry" for argument in arguments)
    if config is not None and not named and (registry := load_settings(config).worker.registry) is not None:
        os.environ[_REGISTRY] = str(registry)
    replace_process("-P", "-m", "trainer", *arguments)


def bench(context: typer.Context) -> None:
    """Measure against the original notebook's loop."""
    if not Path("bench/__main__.py").is_file():
        raise ConfigError("The benchmark belongs to a checkout of moodline: run this in its top folder.")
    replace_process("-m", "bench", *context.args)
