"""Who comes back too late is told what has left the feed meanwhile, and who missed nothing is told nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from moodline.broker import Broker
from moodline.cursors import Cursor
from moodline.embedded import EmbeddedServer
from moodline.event import latest_cursor, left_unread, read_events
from moodline.keys import partition_of
from tests.api import ws
from tests.api.browser import Browser
from tests.api.sse import live
from tests.api.stage import Scene, serving
from tests.support.brokers import client_of, emptied
from tests.support.judging import all_events

Answer = tuple[str, object]
Way = Callable[..., list[Answer]]


def trim(broker: Broker, keep: int) -> int:
    """Let all but the newest events leave the feeds, as feeds of that length would, and return how many that were."""
    feeds = [keys.of_partition("feed") for keys in broker.all_keys()]
    return sum(client_of(broker).xtrim(feed, maxlen=keep, approximate=False) for feed in feeds)


def see(scene: Scene, number: int, stream: str = "door") -> None:
    for _ in range(number):
        scene.see(stream, "happy")


@pytest.fixture
def after_two(broker: Broker, scene: Scene) -> Cursor:
    """The cursor after the two events of a first frame, six more of which have come since."""
    see(scene, 1)
    cursor = latest_cursor(broker)
    see(scene, 6)
    return cursor


def by_sse(client: httpx.Client, cursor: Cursor, number: int, **query: str) -> list[Answer]:
    """Return what a browser that connects again gets first: names, and ids or notices."""
    with live(client, f"/v1/events/live?{httpx.QueryParams(query)}", **{"Last-Event-ID": cursor}) as coming:
        messages = [next(coming) for _ in range(number)]
    return [(message.event, message.data.get("id", message.data)) for message in messages]


def by_websocket(client: httpx.Client, cursor: Cursor, number: int, **query: str) -> list[Answer]:
    with ws.live(client, cursor=cursor, **query) as socket:
        messages = [ws.take(socket) for _ in range(number)]
    return [(message["event"], message["data"].get("id", message["data"])) for message in messages]


@pytest.mark.parametrize("way", [by_sse, by_websocket])
def test_who_comes_back_too_late_is_told_how_many_are_gone(
    client: httpx.Client, broker: Broker, after_two: Cursor, way: Way
) -> None:
    gone = trim(broker, 2)

    notice, *rest = way(client, after_two, 3)

    assert notice == ("missed", {"missed": gone - 2, "in_feed": False})
    assert rest == [(event.kind, event.id) for event in all_events(broker)]


@pytest.mark.parametrize("way", [by_sse, by_websocket])
def test_who_comes_back_just_in_time_is_told_nothing(
    client: httpx.Client, broker: Broker, after_two: Cursor, way: Way
) -> None:
    later = len(all_events(broker)) - 2
    trim(broker, later)

    assert way(client, after_two, later) == [(event.kind, event.id) for event in all_events(broker)]


@pytest.mark.parametrize("way", [by_sse, by_websocket])
def test_of_what_a_filter_would_have_let_through_nobody_knows_the_number(
    client: httpx.Client, broker: Broker, after_two: Cursor, way: Way
) -> None:
    trim(broker, 2)

    assert way(client, after_two, 1, stream="door") == [("missed", {"missed": None, "in_feed": False})]


def test_a_page_says_it_too(client: httpx.Client, broker: Broker, after_two: Cursor) -> None:
    assert client.get("/v1/events", params={"cursor": after_two}).json()["missed"] == 0
    gone = trim(broker, 2)

    assert client.get("/v1/events", params={"cursor": after_two}).json()["missed"] == gone - 2
    assert "missed" not in client.get("/v1/events", params={"cursor": after_two, "kind": "emotion"}).json()
    assert client.get("/v1/events").json()["missed"] == 0, "who begins with the oldest has missed nothing"


def test_a_server_that_began_anew_is_no_loss_that_could_be_counted(broker: Broker, after_two: Cursor) -> None:
    client_of(broker).flushall()
    see(Scene(broker), 1)

    found, _ = read_events(broker, after="0_0-0-8")

    assert len(found) == 2
    assert left_unread(broker, after_two, found) == 0


def test_what_has_left_several_feeds_is_added_up() -> None:
    with EmbeddedServer() as server, emptied(server, partitions=4) as broker:
        streams = {partition_of(name, 4): name for name in ("door", "hall", "gate", "yard", "attic", "lobby", "roof")}
        scene = Scene(broker)
        for stream in streams.values():
            see(scene, 1, stream)
        cursor = latest_cursor(broker)
        for number, stream in enumerate(streams.values(), start=1):
            see(scene, 3 + number, stream)
        later = len(read_events(broker, after=cursor)[0])
        trim(broker, 1)

        found, after = read_events(broker, after=cursor)

        assert len(streams) > 1
        assert left_unread(broker, cursor, found) == later - len(streams)
        assert left_unread(broker, after, read_events(broker, after=after)[0]) == 0


@contextmanager
def page_of(browser: Browser, broker: Broker, port: int = 0) -> Iterator[httpx.Client]:
    with serving(broker, port=port) as client:
        if not port:
            browser.open(str(client.base_url))
        browser.wait_for("connected")
        yield client


def test_the_dashboard_says_what_it_missed_while_it_was_cut_off(broker: Broker, scene: Scene, browser: Browser) -> None:
    with page_of(browser, broker) as client:
        see(scene, 1)
        browser.wait_for("door #0 happy")
        port = client.base_url.port
    browser.wait_for("offline")
    see(scene, 6)
    gone = trim(broker, 2)

    assert port is not None
    with page_of(browser, broker, port):
        browser.wait_for(f"This page came back too late and missed {gone - 2} events.")
        browser.open("about:blank")
