"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="MOODLINE_CONFIG",
        help="The YAML file with streams and settings.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line, for programs.")]
