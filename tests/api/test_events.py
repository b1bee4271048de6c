"""Events page by page, and the last ones."""

from typing import Any

import httpx

from moodline.broker import Broker
from tests.api.stage import Scene
from tests.support.judging import all_events


def ids(page: dict[str, Any]) -> list[str]:
    return [event["id"] for event in page["events"]]


def read_all(client: httpx.Client, **params: str | int) -> list[str]:
    """Follow the cursors to the end."""
    found: list[str] = []
    cursor = ""
    while True:
        page = client.get("/v1/events", params={**params, "cursor": cursor}).json()
        found += ids(page)
        if not page["more"]:
            return found
        cursor = page["next_cursor"]


def test_pages_give_every_event_once_and_in_order(client: httpx.Client, broker: Broker, scene: Scene) -> None:
    for _ in range(7):
        scene.see("door", "happy", "sad")

    expected = [event.id for event in all_events(broker)]

    assert len(expected) == 16  # two faces entered, and were seen seven times
    assert read_all(client, limit=5) == expected
    assert read_all(client, limit=1000) == expected


def test_the_last_page_goes_on_when_more_has_come(client: httpx.Client, scene: Scene) -> None:
    scene.see("door", "happy")
    last = client.get("/v1/events").json()
    assert not last["more"]

    scene.see("door", "happy")

    assert len(client.get("/v1/events", params={"cursor": last["next_cursor"]}).json()["events"]) == 1


def test_filters_by_stream_kind_and_emotion(client: httpx.Client, scene: Scene) -> None:
    scene.see("door", "happy", "sad")
    scene.see("hall", "happy", "angry")

    def found(**params: str | list[str]) -> set[tuple[str, str, str]]:
        events = client.get("/v1/events", params=params).json()["events"]
        return {(event["stream"], event["kind"], event["emotion"]) for event in events}

    assert {stream for stream, _, _ in found(stream="hall")} == {"hall"}
    assert {kind for _, kind, _ in found(kind="face_entered")} == {"face_entered"}
    assert found(kind="emotion", emotion=["sad", "angry"]) == {
        ("door", "emotion", "sad"),
        ("hall", "emotion", "angry"),
    }


def test_a_filtered_page_still_moves_on(client: httpx.Client, scene: Scene) -> None:
    scene.see("door", "happy", "happy", "happy", "sad")

    assert len(read_all(client, limit=1, emotion="sad", kind="emotion")) == 1


def test_the_last_events_come_newest_first(client: httpx.Client, broker: Broker, scene: Scene) -> None:
    for _ in range(4):
        scene.see("door", "happy")
    scene.see("hall", "sad")

    newest = [event.id for event in all_events(broker) if event.stream == "door"][::-1][:3]

    assert ids(client.get("/v1/events/recent", params={"stream": "door", "limit": 3}).json()) == newest


def test_an_event_over_http_is_the_event_of_the_feed(client: httpx.Client, broker: Broker, scene: Scene) -> None:
    scene.see("door", "happy")

    over_http = client.get("/v1/events", params={"kind": "emotion"}).json()["events"][0]

    feed = next(event for event in all_events(broker) if event.kind == "emotion")
    assert type(feed).model_validate(over_http) == feed
    assert "previous" not in over_http
