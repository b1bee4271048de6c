"""``moodline events``: what the subscribers see, for people or as JSON lines."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from moodline.cli.options import AsJson, Config, Run
from moodline.emotions import EMOTIONS
from moodline.errors import UnknownStreamError

if TYPE_CHECKING:
    from moodline.broker import Broker
    from moodline.event import Event

_BATCH = 500
_BLOCK_MS = 1_000


def _known_emotions(names: list[str] | None) -> list[str]:
    return _known(names or [], EMOTIONS)


def _known_kinds(names: list[str] | None) -> list[str]:
    from moodline.event import EventKind

    return _known(names or [], get_args(EventKind))


def _known(names: list[str], all_names: Collection[str]) -> list[str]:
    for name in names:
        if name not in all_names:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(all_names)}.")
    return names


Stream = Annotated[list[str] | None, typer.Option(metavar="ID", help="Only this stream; may be repeated.")]
Emotion = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", callback=_known_emotions, help=f"Only this emotion ({', '.join(EMOTIONS)})."),
]
Kind = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        callback=_known_kinds,
        help="Only this kind (emotion, face_entered, emotion_changed, face_left).",
    ),
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Wait for the events to come, until Ctrl-C.")]
Count = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Only the newest N events; with --follow, end after N.")
]


def events(
    stream: Stream = None,
    emotion: Emotion = None,
    kind: Kind = None,
    follow: Follow = False,
    count: Count = None,
    as_json: AsJson = False,
    run: Run = None,
    config: Config = None,
) -> None:
    """Print emotion events, or wait for them.

    Prints what is in the feed, the oldest first, or with --follow what comes from now on.
    """
    from moodline.cli.connection import open_broker
    from moodline.up.lines import event_line

    broker = open_broker(config, run)
    if not follow:
        _check_known(broker, stream or [])
    asked = {"stream": stream, "emotion": emotion, "kind": kind}
    found = _read(broker, follow=follow)
    wanted = (event for event in found if all(_is_any(getattr(event, name), names) for name, names in asked.items()))
    for event in _limited(wanted, count, follow=follow):
        print(event.to_json() if as_json else event_line(event), flush=follow)  # noqa: T201


def _check_known(broker: "Broker", streams: Collection[str]) -> None:
    """Raise UnknownStreamError for a stream that nobody has ever read; one that is followed may still come."""
    from moodline.streams import stream_view

    for stream in streams:
        if stream_view(broker, stream) is None:
            raise UnknownStreamError(
                f"There is no stream {stream}; `moodline streams` lists the streams, --follow waits for one."
            )


def _read(broker: "Broker", *, follow: bool) -> Iterator["Event"]:
    """Yield what is in the feed and end, or with ``follow`` yield what comes and never end.

    Who reads on more slowly than the feed is trimmed is told on stderr how much is missing.
    """
    from moodline.event import latest_cursor, left_unread, read_events

    cursor = latest_cursor(broker) if follow else ""
    while True:
        block_ms = _BLOCK_MS if follow else None
        found, after = read_events(broker, after=cursor, count=_BATCH, block_ms=block_ms)
        if left := left_unread(broker, cursor, found):
            typer.echo(f"{left} events had left the feed before they were read, and are missing here.", err=True)
        yield from (event for _, event in found)
        if after == cursor and not follow:
            return
        cursor = after


def _is_any(name: str, wanted: Collection[str] | None) -> bool:
    return not wanted or name in wanted


def _limited(events: Iterable["Event"], count: int | None, *, follow: bool) -> Iterable["Event"]:
    if count is None:
        return events
    return islice(events, count) if follow else deque(events, maxlen=count)
