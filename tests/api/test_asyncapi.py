"""docs/asyncapi.yaml tells the truth: real events, by every way they come, are what it says."""

import json
from typing import Any, cast, get_args

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator

from moodline.broker import Broker
from moodline.emotions import EMOTIONS
from moodline.event import EventKind, read_events
from moodline.keys import PartitionKeys, channel
from tests.api import webcam_client, ws
from tests.api.real_events import live_a_life
from tests.support.brokers import client_of
from tests.support.repository import ROOT

KINDS = get_args(EventKind)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    text = (ROOT / "docs/asyncapi.yaml").read_text("utf-8")
    return cast("dict[str, Any]", yaml.safe_load(text))


def validator(document: dict[str, Any], schema: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": document["components"]})


def feed_of(broker: Broker) -> list[dict[str, Any]]:
    entries = cast("list[Any]", broker.client.xrange(PartitionKeys(0).of_partition("feed")))
    return [json.loads(fields[b"event"]) for _, fields in entries]


def test_real_events_are_what_it_says_and_nothing_else(document: dict[str, Any], broker: Broker) -> None:
    live_a_life(broker)
    events = feed_of(broker)

    assert {event["kind"] for event in events} == set(KINDS)
    for event in events:
        assert [error.message for error in validator(document, f"{event['kind']}_event").iter_errors(event)] == []
        for kind in set(KINDS) - {event["kind"]}:
            assert not validator(document, f"{kind}_event").is_valid(event)


def test_every_member_that_it_names_comes(document: dict[str, Any], broker: Broker) -> None:
    live_a_life(broker)
    schemas = document["components"]["schemas"]

    for event in feed_of(broker):
        named = schemas["event"]["properties"].keys() | schemas[f"{event['kind']}_event"]["properties"].keys()
        assert event.keys() == named, event["kind"]


@pytest.mark.parametrize("change", [{"mood": "fine"}, {"kind": "smile"}, {"captured_at": "2026-11-22 08:00"}])
def test_an_event_that_was_changed_is_noticed(document: dict[str, Any], broker: Broker, change: dict[str, str]) -> None:
    live_a_life(broker)
    event = feed_of(broker)[-1]

    assert not validator(document, f"{event['kind']}_event").is_valid({**event, **change})


def test_messages_of_the_websocket_are_what_it_says(
    document: dict[str, Any], broker: Broker, client: httpx.Client
) -> None:
    live_a_life(broker)
    number = len(feed_of(broker))
    with ws.opened(client, (), None, cursor="0_0-0") as socket:
        messages = [ws.take(socket) for _ in range(number + 1)]

    assert messages[0]["event"] == "ready"
    for message in messages:
        validator(document, "envelope").validate(message)


@pytest.mark.parametrize("filters", [{}, {"kind": "emotion"}], ids=["all", "filtered"])
def test_what_a_late_subscriber_is_told_is_what_it_says(
    document: dict[str, Any], broker: Broker, client: httpx.Client, filters: dict[str, str]
) -> None:
    live_a_life(broker)
    first, _ = read_events(broker)[0][0]
    client_of(broker).xtrim(PartitionKeys(0).of_partition("feed"), maxlen=2, approximate=False)
    with ws.live(client, cursor=first, **filters) as socket:
        notice = ws.take(socket)

    validator(document, "envelope").validate(notice)
    assert notice["event"] == "missed"
    assert not validator(document, "missed").is_valid({"missed": 0, "in_feed": False})


def test_messages_to_a_webcams_page_are_what_it_says(
    document: dict[str, Any], broker: Broker, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.webcam.STATUS_S", 0.1)
    answer, seen = validator(document, "webcam_answer"), set()
    with webcam_client.opened(client) as socket:
        stream = webcam_client.take(socket, "ready")["data"]["stream"]
        live_a_life(broker, stream)
        for number in range(1, 6):
            socket.send(webcam_client.message_of(number, webcam_client.jpeg_of()))
        socket.send(b"no picture")
        while "problem" not in seen:
            message = webcam_client.take(socket)
            answer.validate(message)
            seen.add(message["event"])
    assert seen >= {"taken", "left_out", *KINDS}
    assert document["channels"]["webcam"]["address"] == webcam_client.PATH


def test_addresses_and_words_are_those_of_the_code(document: dict[str, Any], client: httpx.Client) -> None:
    feed, stream = document["channels"]["feed"], document["channels"]["stream"]
    partition = feed["parameters"]["partition"]["default"]

    assert feed["address"].replace("{partition}", partition) == PartitionKeys(0).of_partition("feed")
    assert stream["address"].replace("{stream}", "entrance") == channel("entrance")
    assert document["channels"]["server_sent"]["address"] in client.get("/openapi.json").json()["paths"]
    with ws.opened(client):  # which is at the address that the WebSocket's channel names
        assert document["channels"]["websocket"]["address"] == ws.PATH
    assert tuple(document["components"]["schemas"]["emotion"]["enum"]) == EMOTIONS
    assert set(document["components"]["schemas"]["kind"]["enum"]) == set(KINDS)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def follow(node: Any) -> None:
        if isinstance(node, dict):
            target: Any = document
            for part in str(node.get("$ref", "#")).split("/")[1:]:
                target = target[part]
            for child in node.values():
                follow(child)
        elif isinstance(node, list):
            for child in node:
                follow(child)

    follow(document)
