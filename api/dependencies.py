"""What endpoints ask for in their arguments: the broker, the settings, and checked query parameters."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, cast

from fastapi import Depends, Query, Request
from pydantic import AfterValidator, BeforeValidator

from api.live import LiveFeed
from api.problems import UnknownStreamError, WrongParameterError
from api.selection import Selection
from moodline.broker import Broker
from moodline.emotions import Emotion
from moodline.event import EventKind
from moodline.settings import Settings
from moodline.settings.units import format_duration, parse_duration
from moodline.streams import stream_ids


def _broker(request: Request) -> Broker:
    return cast("Broker", request.app.state.broker)


def _settings(request: Request) -> Settings:
    return cast("Settings", request.app.state.settings)


def _live(request: Request) -> LiveFeed:
    return cast("LiveFeed", request.app.state.live)


BrokerHere = Annotated[Broker, Depends(_broker)]
SettingsHere = Annotated[Settings, Depends(_settings)]
LiveHere = Annotated[LiveFeed, Depends(_live)]


def _longer_than_zero(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than zero, for example 15m")
    return value


Span = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_longer_than_zero)]


def _window(
    settings: SettingsHere,
    window: Annotated[
        Span,
        Query(
            description=(
                "How far to look back: 90s, 15m, 1h30m, 2d. A recorded stream's window ends with its last event."
            ),
            examples=["15m"],
        ),
    ] = timedelta(minutes=15),
) -> timedelta:
    longest = max(resolution.keep for resolution in settings.summaries.resolutions)
    if window > longest:
        raise WrongParameterError("window", f"is longer than what is kept; ask for at most {format_duration(longest)}")
    return window


def _selection(
    broker: BrokerHere,
    stream: Annotated[list[str], Query(description="Only these streams.", examples=[["entrance"]])] = [],  # noqa: B006
    kind: Annotated[list[EventKind], Query(description="Only events of these kinds.")] = [],  # noqa: B006
    emotion: Annotated[list[Emotion], Query(description="Only events with these emotions.")] = [],  # noqa: B006
) -> Selection:
    check_known(broker, stream)
    return Selection(frozenset(stream), frozenset(kind), frozenset(emotion))


def _step(
    step: Annotated[
        Span,
        Query(description="Length of a step: 10s, 1m, 1h; a multiple of a kept resolution.", examples=["1m"]),
    ] = timedelta(minutes=1),
) -> timedelta:
    return step


def check_known(broker: Broker, streams: Sequence[str]) -> None:
    """Raise UnknownStreamError for the first of ``streams`` that nobody has ever read."""
    if not streams:
        return
    known = set(stream_ids(broker))
    for stream in streams:
        if stream not in known:
            raise UnknownStreamError(stream)


Window = Annotated[timedelta, Depends(_window)]
Step = Annotated[timedelta, Depends(_step)]
Selected = Annotated[Selection, Depends(_selection)]
