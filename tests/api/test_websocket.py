"""Live events by WebSocket: what server-sent events promise holds here, too."""

import json
from contextlib import ExitStack

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from moodline.broker import Broker
from tests.api import ws
from tests.api.stage import Scene, serving
from tests.support.judging import all_events
from tests.support.wait import wait_until


def test_events_arrive_as_they_come(client: httpx.Client, scene: Scene) -> None:
    scene.see("door", "sad")
    with ws.live(client) as socket:
        scene.see("door", "happy")
        message = ws.take(socket)

    assert (message["event"], message["data"]["emotion"]) == ("emotion", "happy")


def test_only_what_is_asked_for_arrives(client: httpx.Client, scene: Scene) -> None:
    scene.open("door")
    scene.open("hall")
    with ws.live(client, stream=["hall"], kind=["emotion", "face_left"], emotion="sad") as socket:
        scene.see("door", "sad")
        scene.see("hall", "happy", "sad")
        message = ws.take(socket)

    assert (message["data"]["stream"], message["data"]["kind"], message["data"]["emotion"]) == (
        "hall",
        "emotion",
        "sad",
    )


def test_a_reconnect_goes_on_after_the_last_cursor(client: httpx.Client, broker: Broker, scene: Scene) -> None:
    with ws.live(client) as socket:
        scene.see("door", "happy")
        first = ws.take(socket)
    scene.see("door", "happy")
    scene.see("door", "sad")

    expected = [event.id for event in all_events(broker)]
    with ws.live(client, cursor=first["cursor"]) as socket:
        rest = [ws.take(socket)["data"]["id"] for _ in expected[1:]]

    assert [first["data"]["id"], *rest] == expected


def test_both_ways_bring_the_same_event(client: httpx.Client, broker: Broker, scene: Scene) -> None:
    scene.see("door", "happy")

    with ws.live(client, cursor="0_0-0", kind="emotion") as socket:
        event = ws.take(socket)["data"]

    assert event == json.loads(next(event for event in all_events(broker) if event.kind == "emotion").to_json())


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ({"stream": "attic"}, 404, "There is no stream 'attic'"),
        ({"emotion": "bored"}, 422, "Query parameter 'emotion' should be 'angry'"),
        ({"cursor": "banana"}, 422, "Query parameter 'cursor' is no cursor"),
    ],
)
def test_what_is_wrong_is_said_instead_of_opening(
    client: httpx.Client, query: dict[str, str], status: int, sentence: str
) -> None:
    with pytest.raises(InvalidStatus) as refused, ws.opened(client, (), None, **query):
        pass

    answer = refused.value.response
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert json.loads(answer.body or b"")["detail"].startswith(sentence)


def test_the_end_is_said_after_what_waits(broker: Broker, scene: Scene) -> None:
    with ExitStack() as stack:
        with serving(broker) as client:
            socket = stack.enter_context(ws.live(client))
            scene.see("door", "happy")
            ws.take(socket)
        messages = [json.loads(text)["event"] for text in socket]

    assert messages[-1] == "closing"
    assert socket.close_code == 1001


def test_who_hangs_up_is_forgotten_whatever_it_said_before(broker: Broker) -> None:
    with serving(broker) as client:
        with ws.live(client) as socket:
            socket.send("hello?")
            socket.send(b"\x00" * 1000)
        wait_until(lambda: "moodline_subscribers 0" in client.get("/metrics").text, description="nobody listens")
