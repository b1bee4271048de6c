"""``moodline up``: everything on one machine."""

from typing import Annotated

import typer

from moodline.cli.options import Config


def up(
    config: Config = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="A camera (rtsp://, http://), webcam (0), video file, picture, folder of either, or demo; "
            "may be repeated. Takes the place of the streams in --config.",
        ),
    ] = None,
    duration: Annotated[float | None, typer.Option(metavar="SECONDS", min=0.1, help="Stop after this long.")] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=1, max=65535, help="Port of the API; by default the next free one from 8080."),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="How many workers classify faces.")] = 1,
) -> None:
    """Run everything on this machine, until Ctrl-C.

    Starts Redis (unless REDIS_URL is set), ingest, worker and API. Ends by itself when all sources are
    recordings and the last of their faces is done.
    """
    from moodline.up.plan import Options
    from moodline.up.run import run

    run(Options(config=config, sources=tuple(source or ()), duration_s=duration, port=port, workers=workers))
