"""Live events: what comes arrives, a reconnect loses and repeats nothing, the slow are told."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx

from api.live import Delivery, LiveFeed
from api.selection import Selection
from api.sse import LiveResponse
from moodline.broker import Broker
from tests.api.sse import live
from tests.api.stage import Scene
from tests.support.judging import all_events


def test_events_arrive_as_they_come(client: httpx.Client, scene: Scene) -> None:
    scene.see("door", "sad")
    with live(client) as coming:
        scene.see("door", "happy")
        message = next(coming)

    assert (message.event, message.data["emotion"]) == ("emotion", "happy")
    assert message.data["latency_ms"]["committed"] == 61.0


def test_only_what_is_asked_for_arrives(client: httpx.Client, scene: Scene) -> None:
    scene.open("door")
    scene.open("hall")
    with live(client, "/v1/events/live?stream=hall&kind=emotion&emotion=sad") as coming:
        scene.see("door", "sad")
        scene.see("hall", "happy")
        scene.see("hall", "sad")
        message = next(coming)

    assert (message.data["stream"], message.data["kind"], message.data["emotion"]) == (
        "hall",
        "emotion",
        "sad",
    )


def test_a_reconnect_goes_on_after_the_last_event_id(client: httpx.Client, broker: Broker, scene: Scene) -> None:
    with live(client) as coming:
        scene.see("door", "happy")
        first = next(coming)
    scene.see("door", "happy")
    scene.see("door", "sad")

    expected = [event.id for event in all_events(broker)]
    with live(client, **{"Last-Event-ID": first.id}) as coming:
        rest = [next(coming).data["id"] for _ in expected[1:]]

    assert [first.data["id"], *rest] == expected


def test_who_joins_while_events_pour_in_gets_each_once_and_in_order(
    client: httpx.Client, broker: Broker, scene: Scene
) -> None:
    enough = threading.Event()

    def pour() -> None:
        for _ in range(400):
            scene.see("door", "happy", "sad")
            if enough.is_set():
                break

    scene.see("door", "happy", "sad")
    pouring = threading.Thread(target=pour)
    pouring.start()
    try:
        with live(client, "/v1/events/live?cursor=0_0-0") as coming:
            got = [next(coming).data["id"] for _ in range(200)]
    finally:
        enough.set()
        pouring.join(30)

    assert got == [event.id for event in all_events(broker)][:200]


def test_a_slow_subscriber_keeps_the_newest_and_learns_what_it_missed(broker: Broker, scene: Scene) -> None:
    async def scenario() -> Delivery | None:
        feed = LiveFeed(broker, queue_events=3)
        feed.start()
        of_door = Selection(streams=frozenset({"door"}), kinds=frozenset({"emotion"}))
        of_hall = Selection(streams=frozenset({"hall"}))
        with feed.subscribe(of_door) as slow, feed.subscribe(of_hall) as quick:
            await asyncio.wait_for(slow.placed.wait(), 10)
            await asyncio.to_thread(see_faces, scene, 8)
            await asyncio.wait_for(quick.take(), 10)
            delivery = await asyncio.wait_for(slow.take(), 10)
        feed.close()
        await feed.join()
        return delivery

    delivery = asyncio.run(scenario())

    assert delivery is not None
    assert delivery.missed == {True: 5}, "they are still in the feed"
    newest = [event.id for event in all_events(broker) if event.kind == "emotion" and event.stream == "door"]
    assert [live.event.id for live in delivery.events] == newest[-3:]


def see_faces(scene: Scene, number: int) -> None:
    """Let faces be seen at the door, and then one in the hall."""
    for _ in range(number):
        scene.see("door", "happy")
    scene.see("hall", "sad")


def test_the_reading_thread_sleeps_while_nobody_listens_and_wakes_again(client: httpx.Client, scene: Scene) -> None:
    for emotion in ("happy", "sad"):
        with live(client) as coming:
            scene.see("door", emotion)
            assert next(message for message in coming if message.event == "emotion").data["emotion"] == emotion


def test_a_subscriber_that_reads_nothing_is_cut_off() -> None:
    left = []

    async def messages() -> AsyncIterator[dict[str, str]]:
        try:
            while True:
                yield {"data": "news"}
        finally:
            left.append("its place")

    async def never(message: Any = None) -> Any:
        if message is None or message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def scenario() -> None:
        response = LiveResponse(messages(), send_timeout=0.05)
        await asyncio.wait_for(response({"type": "http", "method": "GET"}, never, never), 10)

    asyncio.run(scenario())

    assert left == ["its place"]
