"""How a subscriber passes from reading the feed to following it: nothing lost, nothing twice, at any interleaving."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import api.following
import api.live
from api.following import Message, follow_events
from api.live import LiveFeed
from api.selection import Selection
from moodline.broker import Broker
from moodline.event import latest_cursor, read_events
from tests.api.stage import Scene
from tests.support.brokers import client_of
from tests.support.judging import event_ids

WITHIN_S = 10
FROM_THE_OLDEST = ""
Messages = AsyncIterator[Message]


@asynccontextmanager
async def joining(broker: Broker, *, queue_events: int = 100) -> AsyncIterator[tuple[LiveFeed, Messages]]:
    """Start a feed and a subscriber that has just been told that it is there, and has read nothing yet."""
    feed = LiveFeed(broker, queue_events=queue_events)
    feed.start()
    messages = follow_events(feed, broker, Selection(), FROM_THE_OLDEST)
    assert (await anext(messages)).event == "ready"
    try:
        yield feed, messages
    finally:
        feed.close()
        await feed.join()


async def follow(feed: LiveFeed, write: Callable[[], None], events: int) -> None:
    """Write, and wait until the feed has handed `events` events to its subscribers."""
    with feed.subscribe(Selection()) as probe:
        await asyncio.wait_for(probe.placed.wait(), WITHIN_S)
        await asyncio.to_thread(write)
        while events > 0:
            delivery = await asyncio.wait_for(probe.take(), WITHIN_S)
            assert delivery is not None
            events -= sum(number or 0 for number in delivery.missed.values()) + len(delivery.events)


async def take(messages: Messages, number: int) -> list[str]:
    """Return the ids of the next events; anything else that comes is no part of the story."""
    ids = []
    for _ in range(number):
        coming: Awaitable[Message] = anext(messages)
        message: Any = await asyncio.wait_for(coming, WITHIN_S)
        assert message.event in {"emotion", "face_entered"}, message.event
        ids.append(json.loads(message.data)["id"])
    return ids


def test_what_overflows_before_the_first_reading_is_not_missed(broker: Broker, scene: Scene) -> None:
    async def scenario() -> list[str]:
        async with joining(broker, queue_events=3) as (feed, messages):
            await follow(feed, lambda: see(scene, 8), 9)
            first = await take(messages, 9)
            await follow(feed, lambda: see(scene, 1), 1)
            return first + await take(messages, 1)

    assert asyncio.run(scenario()) == event_ids(broker)


def test_who_reads_too_slowly_is_told_how_much_was_missed(broker: Broker, scene: Scene) -> None:
    async def scenario() -> list[Message]:
        async with joining(broker, queue_events=3) as (feed, messages):
            await follow(feed, lambda: see(scene, 1), 2)
            await take(messages, 2)
            await follow(feed, lambda: see(scene, 8), 8)
            return [await asyncio.wait_for(anext(messages), WITHIN_S) for _ in range(4)]

    notice, *rest = asyncio.run(scenario())

    assert (notice.event, json.loads(notice.data), notice.cursor) == ("missed", {"missed": 5, "in_feed": True}, "")
    assert [json.loads(message.data)["id"] for message in rest] == event_ids(broker)[-3:]


def test_who_follows_is_told_what_left_the_feed_before_it_was_read(
    broker: Broker, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands_still, gone = threading.Event(), []

    def read_too_late(*args: Any, **more: Any) -> Any:
        if stands_still.is_set():
            stands_still.clear()
            see(scene, 6)
            feed = broker.all_keys()[0].of_partition("feed")
            gone.append(client_of(broker).xtrim(feed, maxlen=2, approximate=False) - 2)
        return read_events(*args, **more)

    monkeypatch.setattr(api.live, "read_events", read_too_late)

    async def scenario() -> list[Message]:
        async with joining(broker) as (feed, messages):
            await follow(feed, lambda: see(scene, 1), 2)
            await take(messages, 2)
            stands_still.set()
            return [await asyncio.wait_for(anext(messages), WITHIN_S) for _ in range(3)]

    notice, *rest = asyncio.run(scenario())

    assert (notice.event, json.loads(notice.data)) == ("missed", {"missed": gone[0], "in_feed": False})
    assert [json.loads(message.data)["id"] for message in rest] == event_ids(broker)


def test_what_comes_by_both_ways_is_sent_once(broker: Broker, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> list[str]:
        loop = asyncio.get_running_loop()
        async with joining(broker) as (feed, messages):
            real = read_events

            def read_late(*args: Any, **more: Any) -> Any:
                # The events come between the emptying of the queue and the reading of the feed.
                written = asyncio.run_coroutine_threadsafe(follow(feed, lambda: see(scene, 3), 4), loop)
                written.result(WITHIN_S)
                return real(*args, **more)

            monkeypatch.setattr(api.following, "read_events", read_late)
            first = await take(messages, 4)
            await follow(feed, lambda: see(scene, 1), 1)
            return first + await take(messages, 1)

    assert asyncio.run(scenario()) == event_ids(broker)


def test_nothing_is_lost_while_the_reading_thread_finds_its_place(
    broker: Broker, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_read = threading.Event()

    def read(*args: Any, **more: Any) -> Any:
        found = read_events(*args, **more)
        has_read.set()
        return found

    def latest_after_one_more(broker: Broker) -> str:
        # A subscriber that did not wait for the thread would have read the feed by now.
        has_read.wait(0.5)
        see(scene, 1)
        return latest_cursor(broker)

    monkeypatch.setattr(api.following, "read_events", read)
    monkeypatch.setattr(api.live, "latest_cursor", latest_after_one_more)

    async def scenario() -> list[str]:
        async with joining(broker) as (_, messages):
            return await take(messages, 2)

    assert asyncio.run(scenario()) == event_ids(broker)[:2]


def see(scene: Scene, number: int) -> None:
    """Let the same face be seen `number` times; the first time it enters as well, which is one event more."""
    for _ in range(number):
        scene.see("door", "happy")
