"""``moodline ingest``, ``worker``, ``api`` and ``jobs``: one service each, for installations on several machines."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from moodline.cli.options import Config


def ingest(config: Config = None) -> None:
    """Read the cameras and find the faces in them."""
    _become("ingest", config)


def worker(config: Config = None) -> None:
    """Classify queued faces and write the events."""
    _become("worker", config)


def api(config: Config = None) -> None:
    """Answer over HTTP what happened in the streams."""
    _become("api", config)


def jobs(config: Config = None) -> None:
    """Analyse the videos that the API has taken."""
    _become("jobs", config)


def _become(module: str, config: Path | None) -> NoReturn:
    """Replace this process by the service, so that signals and exit code are the service's own."""
    arguments = ["--config", str(config)] if config else []
    replace_process("-P", "-m", module, *arguments)  # -P: no folder of that name in the current directory


def replace_process(*arguments: str) -> NoReturn:
    """Replace this process by Python with ``arguments``."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - Python itself, no shell
