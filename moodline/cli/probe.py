"""``moodline probe``: what is there, and does it show faces?"""

import json
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from moodline.cli.options import AsJson, Config
from moodline.cli.services import replace_process

_STREAM = "probe"


def probe(
    source: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="A camera, video file, picture, folder or demo, as for up --source, with ${NAME} for a password; "
            "or the id of a stream in --config.",
        ),
    ],
    as_json: AsJson = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Write a picture with the faces marked.")
    ] = None,
    transport: Annotated[
        Literal["tcp", "udp"] | None, typer.Option("--transport", help="How RTSP brings its packets.")
    ] = None,
    config: Config = None,
) -> None:
    """Look at one source for two seconds.

    Says its codec, size, frame rate, how soon its first frame came and how many faces are seen. Exit
    code 1, with the reason, where no frame came.
    """
    stream = source if _is_configured(source, config) else _override(source, transport)
    arguments = ["--stream", stream]
    arguments += ["--json"] if as_json else []
    arguments += ["--picture", str(picture)] if picture else []
    arguments += ["--config", str(config)] if config else []
    replace_process("-P", "-m", "ingest.probe", *arguments)


def _is_configured(source: str, config: Path | None) -> bool:
    from moodline.settings import load_settings

    return any(stream.id == source for stream in load_settings(config).streams)


def _override(source: str, transport: str | None) -> str:
    """Put the source in the environment, where, unlike in a process's title, no other user sees it."""
    named = {"id": _STREAM, "url": source, **({"transport": transport} if transport else {})}
    os.environ["MOODLINE_STREAMS"] = json.dumps([named])
    return _STREAM
