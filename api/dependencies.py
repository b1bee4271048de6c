"""What endpoints ask for in their arguments: the broker, the settings, and checked query parameters."""

from collections.abc import Sequence
from typing import Annotated, cast

from fastapi import Depends, Query
from starlette.requests import HTTPConnection

from api.limits import Shares
from api.live import LiveFeed
from api.problems import UnknownStreamError
from api.selection import Selection
from moodline.broker import Broker
from moodline.declared import declared_streams
from moodline.emotions import Emotion
from moodline.event import EventKind
from moodline.settings import Settings
from moodline.streams import stream_ids


async def _broker(connection: HTTPConnection) -> Broker:
    return cast("Broker", connection.app.state.broker)


async def _settings(connection: HTTPConnection) -> Settings:
    return cast("Settings", connection.app.state.settings)


async def _live(connection: HTTPConnection) -> LiveFeed:
    return cast("LiveFeed", connection.app.state.live)


async def _shares(connection: HTTPConnection) -> Shares:
    return cast("Shares", connection.app.state.shares)


BrokerHere = Annotated[Broker, Depends(_broker)]
SettingsHere = Annotated[Settings, Depends(_settings)]
LiveHere = Annotated[LiveFeed, Depends(_live)]
SharesHere = Annotated[Shares, Depends(_shares)]


def _selection(
    broker: BrokerHere,
    stream: Annotated[list[str], Query(description="Only these streams.", examples=[["entrance"]])] = [],  # noqa: B006
    kind: Annotated[list[EventKind], Query(description="Only events of these kinds.")] = [],  # noqa: B006
    emotion: Annotated[list[Emotion], Query(description="Only events with these emotions.")] = [],  # noqa: B006
) -> Selection:
    check_known(broker, stream)
    return Selection(frozenset(stream), frozenset(kind), frozenset(emotion))


def check_known(broker: Broker, streams: Sequence[str]) -> None:
    """Raise UnknownStreamError for the first of ``streams`` that was neither read nor added."""
    if not streams:
        return
    known = {*stream_ids(broker), *declared_streams(broker)}
    for stream in streams:
        if stream not in known:
            raise UnknownStreamError(stream)


Selected = Annotated[Selection, Depends(_selection)]
