"""``moodline check-config``: is this file right?"""

from pathlib import Path
from typing import Annotated

import typer


def check_config(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The YAML file to check.")],
) -> None:
    """Name every error in a configuration file.

    Each with its line. Exit code 0: the file is valid; 2: it is not.
    """
    from moodline.settings import load_settings

    count = len(load_settings(file).streams)
    if not count:
        typer.echo(f"{file} is valid: no streams; add some under `streams:`, or run with --source demo")
        return
    typer.echo(f"{file} is valid: {count} {'stream' if count == 1 else 'streams'}")
