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
Run = Annotated[
    int | None,
    typer.Option("--run", metavar="PORT", help="Ask that `moodline up`, by the port of its API, where several run."),
]
