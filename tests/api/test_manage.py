"""Streams that are added, changed, paused and removed over HTTP, and what nobody may do that way."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from moodline.access import new_key, save_key
from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.declared import declared_streams
from moodline.errors import LeaseLostError, StreamChangedError
from moodline.event import read_events
from moodline.hosts import IngestHost, announce
from moodline.settings import ApiSettings
from tests.api.stage import Scene, serving
from tests.api.test_streams import detail
from tests.support.brokers import client_of, frame_of, live_stream

SOURCES = ("demo", "rtsp://camera.test", "https://*.example.org", "http://10.0.5.0/24", "/srv/recordings")
CAMERA = {"id": "door", "url": "rtsp://viewer:${CAMERA_DOOR}@camera.test/1", "fps": 5, "labels": {"floor": "0"}}


@pytest.fixture(scope="module")
def rules() -> ApiSettings:
    return ApiSettings(stream_sources=SOURCES, max_streams=3, rate_limit=0)


@pytest.fixture
def client(broker: Broker, rules: ApiSettings) -> Iterator[httpx.Client]:
    with serving(broker, rules) as client:
        yield client


def kept(broker: Broker) -> str:
    """Return all that Redis keeps of the streams of run time."""
    return "".join(found.text for found in declared_streams(broker).values())


def test_a_stream_is_added_and_shown_before_anybody_reads_it(client: httpx.Client, broker: Broker) -> None:
    answer = client.post("/v1/streams", json=CAMERA)

    assert answer.status_code == 201
    assert answer.headers["location"] == "/v1/streams/door"
    shown = client.get("/v1/streams/door").json()
    assert shown == answer.json() == client.get("/v1/streams").json()["streams"][0]
    assert (shown["state"], shown["sentence"]) == ("connecting", "No ingest host has begun to read it yet.")
    assert (shown["source"], shown["declared"], shown["enabled"]) == ("rtsp://***@camera.test/1", "api", True)
    assert (shown["labels"], shown["reader"], shown["kind"]) == ({"floor": "0"}, None, "live")
    assert client.get("/v1/streams/door/summary").json()["faces"] == 0
    assert declared_streams(broker)["door"].settings(SOURCES, {"CAMERA_DOOR": "s3cret"}).url.get_secret_value() == (
        "rtsp://viewer:s3cret@camera.test/1"
    )


def test_a_stream_is_changed_paused_and_goes_on(client: httpx.Client, broker: Broker) -> None:
    client.post("/v1/streams", json=CAMERA)

    paused = client.patch("/v1/streams/door", json={"enabled": False, "fps": 2, "labels": None}).json()

    assert (paused["state"], paused["sentence"], paused["enabled"]) == (
        "stopped",
        "It is paused: enabled is false.",
        False,
    )
    assert paused["labels"] == {}
    values = declared_streams(broker)["door"].values
    assert (values["fps"], values["url"], "labels" in values) == (2, CAMERA["url"], False)
    assert client.patch("/v1/streams/door", json={"enabled": True}).json()["state"] == "connecting"


def test_a_removed_stream_ends_as_the_guarantee_says(client: httpx.Client, broker: Broker, scene: Scene) -> None:
    client.post("/v1/streams", json=CAMERA)
    scene.open("door")
    scene.see("door", "happy", "sad")
    scene.queue("door", 3)
    reader = scene._reader("door")

    assert client.delete("/v1/streams/door").status_code == 204

    assert detail(client.get("/v1/streams/door"), 404).startswith("There is no stream 'door'")
    assert client.get("/v1/streams").json() == {"streams": []}
    assert detail(client.delete("/v1/streams/door"), 404)
    with pytest.raises(LeaseLostError):
        reader.enqueue(frame_of(99), age_ms=0)
    kinds = [event.kind for _, event in read_events(broker)[0]]
    assert kinds.count("face_entered") == kinds.count("face_left") == 2
    state = client_of(broker).hgetall(broker.keys_of("door").of_partition("state"))
    folded = {name.decode(): int(value) for name, value in state.items() if name.startswith(b"removed:")}
    assert folded["removed:accepted"] == folded["removed:events"] + folded["removed:dropped:removed"] == 5


@pytest.mark.parametrize(
    "rest", ["[::1/x", "camera.test:no/x", "camera.test:99999/x", "camera.test/a\nb", "camera.test/\x1b"]
)
def test_what_is_no_address_is_refused(client: httpx.Client, rest: str) -> None:
    sentence = detail(client.post("/v1/streams", json={**CAMERA, "url": f"rtsp://{rest}"}), 422)
    assert sentence.lower().startswith("url")
    assert "write " in sentence


def test_what_is_wrong_is_said_as_check_config_says_it(client: httpx.Client, broker: Broker) -> None:
    sentence = detail(client.post("/v1/streams", json={**CAMERA, "fps": -1, "fsp": 3}), 422)
    assert sentence == "fps: must be more than 0 and at most 240; fsp: is not a known setting; did you mean fps?"
    assert "url: is missing" in detail(client.post("/v1/streams", json={"id": "door"}), 422)
    assert "id: must be" in detail(client.post("/v1/streams", json={**CAMERA, "id": "Front Door"}), 422)
    json_type = {"Content-Type": "application/json"}
    assert detail(client.post("/v1/streams", content=b"[", headers=json_type), 422)
    assert "object in UTF-8" in detail(client.post("/v1/streams", content=b"\xff", headers=json_type), 422)
    assert detail(client.post("/v1/streams", json=[1]), 422) == "The body should be a valid dictionary."
    client.post("/v1/streams", json=CAMERA)
    assert "id: cannot be changed" in detail(client.patch("/v1/streams/door", json={"id": "gate"}), 422)
    assert "fps" in detail(client.patch("/v1/streams/door", json={"fps": "often"}), 422)
    assert "more than 16384 bytes" in detail(
        client.patch("/v1/streams/door", json={"masks": [[[0.123456789, 0.5]] * 2000]}), 422
    )
    assert json.loads(kept(broker))["settings"] == CAMERA


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://viewer:hunter2@camera.test/1",
        "rtsp://hunter2@camera.test/1",
        "rtsp://viewer:hunter2${CAMERA_DOOR}@camera.test/1",
        "https://cam.example.org/1?token=hunter2",
    ],
)
def test_no_password_is_kept_or_repeated(client: httpx.Client, broker: Broker, url: str) -> None:
    answer = client.post("/v1/streams", json={**CAMERA, "url": url})

    assert "${CAMERA_NAME}" in detail(answer, 422)
    assert "hunter2" not in answer.text + kept(broker)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://other.test/1",
        "rtsps://camera.test/1",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:6379/",
        "https://example.org.evil.test/1",
        "/etc/passwd",
        "file:///etc/passwd",
        "/srv/recordings-of-others/1.mp4",
        "/srv/*/1.jpg",
        "0",
        0,
        "/dev/video0",
    ],
)
def test_only_sources_that_the_operator_allows_are_taken(client: httpx.Client, broker: Broker, url: Any) -> None:
    sentence = detail(client.post("/v1/streams", json={"id": "door", "url": url}), 403)

    assert "is not allowed here: whoever runs moodline may add it to api.stream_sources." in sentence
    client.post("/v1/streams", json=CAMERA)
    assert detail(client.patch("/v1/streams/door", json={"url": url}), 403) == sentence
    assert json.loads(kept(broker))["settings"] == CAMERA


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://${HOME}@camera.test/1",
        "rtsp://v:${MOODLINE_SEAL_KEY}@camera.test/1",
        "rtsp://v:$${CAMERA_DOOR}@camera.test/1",
        "rtsp://camera.test\\@evil.test/1",
        "rtsp://a@b@camera.test/1",
        "/srv/recordings/../../etc/passwd",
        "recordings/1.mp4",
        "gopher://camera.test/1",
        "browser",
        "browser:x",
        "",
    ],
)
def test_no_address_means_something_else_to_ingest_than_here(client: httpx.Client, broker: Broker, url: str) -> None:
    assert detail(client.post("/v1/streams", json={"id": "door", "url": url}), 422)
    assert kept(broker) == ""


def test_by_default_nothing_of_this_machine_or_its_network_can_be_read(broker: Broker) -> None:
    with serving(broker) as client:
        for url in ("rtsp://camera.test/1", "http://127.0.0.1/", "/etc/passwd", "0"):
            assert client.post("/v1/streams", json={"id": "door", "url": url}).status_code == 403
        assert client.post("/v1/streams", json={"id": "door", "url": "demo"}).status_code == 201


def test_a_link_does_not_lead_out_of_an_allowed_folder(broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed" / "way-out").symlink_to("/etc")
    with serving(broker, ApiSettings(stream_sources=(str(tmp_path / "allowed"),))) as client:
        out = {"id": "door", "url": str(tmp_path / "allowed" / "way-out" / "passwd")}
        assert client.post("/v1/streams", json=out).status_code == 403
        assert client.post("/v1/streams", json={**out, "url": str(tmp_path / "allowed/a.mp4")}).status_code == 201


def test_there_are_so_many_and_no_more(client: httpx.Client) -> None:
    for number in range(3):
        assert client.post("/v1/streams", json={"id": f"demo-{number}", "url": "demo"}).status_code == 201
    sentence = detail(client.post("/v1/streams", json={"id": "demo-3", "url": "demo"}), 409)
    assert sentence == "There are 3 streams of run time already, and api.max_streams is 3; remove one."
    assert "already; change it" in detail(client.post("/v1/streams", json={"id": "demo-0", "url": "demo"}), 409)


def test_streams_of_a_file_are_changed_in_the_file(client: httpx.Client, broker: Broker, scene: Scene) -> None:
    scene.open("gate")
    host = IngestHost("ingest-0/7-ab", declares={"gate": True, "attic": False}, file="/etc/moodline.yaml")
    announce(broker, host, timedelta(minutes=1))

    for answer in (
        client.post("/v1/streams", json={"id": "attic", "url": "demo"}),
        client.patch("/v1/streams/gate", json={"enabled": False}),
        client.delete("/v1/streams/gate"),
    ):
        assert "stands in /etc/moodline.yaml of the ingest host ingest-0; change it there" in detail(answer, 409)
    assert client.get("/v1/streams/gate").json()["declared"] == "file"


def test_a_stream_that_was_only_read_cannot_be_changed(client: httpx.Client, scene: Scene) -> None:
    scene.open("gate")

    for answer in (client.patch("/v1/streams/gate", json={}), client.delete("/v1/streams/gate")):
        assert "was not added at run time; `moodline purge --stream gate`" in detail(answer, 409)


def test_why_nobody_reads_a_stream_is_shown(client: httpx.Client, broker: Broker) -> None:
    client.post("/v1/streams", json=CAMERA)
    refusal = "the environment variable CAMERA_DOOR is not set where ingest runs; set it"
    announce(broker, IngestHost("ingest-0/7-ab", refuses={"door": refusal}), timedelta(minutes=1))

    assert client.get("/v1/streams/door").json()["sentence"] == refusal


@pytest.mark.parametrize(("scope", "allowed"), [("read", False), ("webcam", False), ("write", True)])
def test_only_a_key_that_may_write_changes_anything(broker: Broker, scope: Any, allowed: bool) -> None:
    text, key = new_key(scope)
    save_key(broker, key)
    with serving(broker, ApiSettings(require_key=True)) as client:
        client.headers["Authorization"] = f"Bearer {text}"
        statuses = [
            client.post("/v1/streams", json={"id": "door", "url": "demo"}).status_code,
            client.patch("/v1/streams/door", json={"enabled": False}).status_code,
            client.delete("/v1/streams/door").status_code,
        ]
    assert statuses == ([201, 200, 204] if allowed else [403, 403, 403])


def test_a_reader_that_was_too_late_does_not_bring_a_removed_stream_back(client: httpx.Client, broker: Broker) -> None:
    client.post("/v1/streams", json={"id": "lobby", "url": "demo"})
    text = declared_streams(broker)["lobby"].text
    client.delete("/v1/streams/lobby")
    lease = timedelta(seconds=6)

    with pytest.raises(StreamChangedError):
        Reader.acquire(broker, live_stream("lobby"), owner="late", lease=lease, recorded=False, declared=text)
    assert client.get("/v1/streams").json() == {"streams": []}
