"""What the services' entry points share: arguments, settings, logs, signals and exit codes."""

import argparse
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from moodline.config.watch import ConfigFile
from moodline.errors import MoodlineError
from moodline.lifecycle import stop_on_signals
from moodline.logs import configure_logs
from moodline.settings import load_settings

log = logging.getLogger(__name__)


def run_service(
    name: str, run: Callable[..., None], argv: Sequence[str] | None = None, *, follows_file: bool = False
) -> int:
    """Load the settings, run a service until a signal asks it to stop, and return its exit code.

    ``run`` gets the settings and the event that asks it to stop, with ``follows_file`` also the ConfigFile, if any.

    0: stopped in order; 1: a failure, explained in one line; 2: wrong usage or configuration.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=f"Run moodline's {name} service.")
    default = os.environ.get("MOODLINE_CONFIG")
    parser.add_argument("--config", type=Path, default=default and Path(default), help="the YAML file")
    options = parser.parse_args(argv)
    stop = stop_on_signals()
    configure_logs(service=name)
    try:
        file = ConfigFile(options.config) if follows_file and options.config else None
        settings = load_settings(options.config)
        configure_logs(service=name, level=settings.log.level, style=settings.log.format)
        run(settings, stop, *((file,) if follows_file else ()))
    except MoodlineError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence is for a user; the traceback is not
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0
