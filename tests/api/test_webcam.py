"""/v1/webcam: pictures go to Redis, sealed and for seconds, events come back; whatever else comes is refused."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from moodline.access import Scope, new_key, save_key
from moodline.broker import Broker
from moodline.settings import ApiSettings
from moodline.webcams import next_picture, open_webcams
from tests.api.stage import Scene, serving
from tests.api.webcam_client import jpeg_of, message_of, opened, take
from tests.support.brokers import client_of
from tests.support.wait import wait_until

JPEG = jpeg_of()
# Small, but its header says 4000 x 65535.
TOWER = jpeg_of(4000, 16).replace(b"\x00\x10\x0f\xa0", b"\xff\xff\x0f\xa0")


@pytest.fixture
def socket(client: httpx.Client) -> Iterator[ClientConnection]:
    with opened(client) as socket:
        yield socket


def refusal(socket: ClientConnection) -> tuple[str, int | None]:
    """Return the sentence and the code with which the api ends the conversation."""
    sentence = take(socket, "problem")["data"]["detail"]
    with pytest.raises(ConnectionClosed):
        take(socket, "nothing")
    return sentence, socket.close_code


def test_a_picture_reaches_ingest_and_nobody_else(broker: Broker) -> None:
    with serving(broker) as client, opened(client) as socket:
        ready = take(socket, "ready")["data"]
        assert (ready["stream"], ready["fps"]) == ("browser-1", 8.0)
        socket.send(message_of(1, JPEG))
        assert take(socket, "taken")["data"] == {"frame": 1}
        check_relayed(broker)


def check_relayed(broker: Broker) -> None:
    picture = next_picture(broker, broker.sealer(), "browser-1", block_ms=1000)

    assert picture is not None
    assert (picture.number, picture.jpeg) == (1, JPEG)
    key = broker.keys_of("browser-1").of_stream("webcam", "browser-1")
    assert 0 < client_of(broker).pttl(key) <= 5000
    kept = client_of(broker).xrange(key)[-1][1][b"jpeg"]
    assert not any(JPEG[at : at + 16] in kept for at in range(0, len(JPEG) - 16, 16))
    assert open_webcams(broker) == {"browser-1"}


def test_only_the_newest_two_pictures_are_kept_and_what_comes_too_fast_is_left_out(
    socket: ClientConnection, broker: Broker
) -> None:
    take(socket, "ready")
    for number in range(1, 21):
        socket.send(message_of(number, JPEG))
    answers = [take(socket, "taken", "left_out") for _ in range(20)]

    assert [answer["data"]["frame"] for answer in answers] == list(range(1, 21))
    assert 2 <= sum(answer["event"] == "taken" for answer in answers) < 15
    assert client_of(broker).xlen(broker.keys_of("browser-1").of_stream("webcam", "browser-1")) == 2


def test_events_of_the_stream_and_of_no_other_come_back(socket: ClientConnection, scene: Scene) -> None:
    take(socket, "ready")
    scene.see("door", "sad")
    scene.see("browser-1", "happy")

    assert take(socket, "face_entered")["data"]["stream"] == "browser-1"
    event = take(socket, "emotion")["data"]
    assert (event["stream"], event["emotion"]) == ("browser-1", "happy")


def test_the_page_is_told_that_nobody_takes_its_pictures(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.webcam.PATIENCE_S", 0.2)
    monkeypatch.setattr("api.webcam.STATUS_S", 0.1)
    with opened(client) as socket:
        take(socket, "ready")
        socket.send(message_of(1, JPEG))
        wait_until(
            lambda: "ingest service is away" in take(socket, "status")["data"]["detail"], description="it is told"
        )


def test_a_webcam_is_over_with_its_connection_and_its_number_is_free_again(
    client: httpx.Client, broker: Broker
) -> None:
    with opened(client) as first, opened(client) as second:
        names = {take(socket, "ready")["data"]["stream"] for socket in (first, second)}
        assert names == {"browser-1", "browser-2"}
        assert open_webcams(broker) == names
    wait_until(lambda: open_webcams(broker) == set(), description="both are over")
    with opened(client) as third:
        assert take(third, "ready")["data"]["stream"] == "browser-1"


def test_a_page_that_falls_silent_is_let_go(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.webcam.SILENT_MS", 200)
    with opened(client) as socket:
        take(socket, "ready")
        assert refusal(socket) == ("No picture has come for 5 seconds; start the camera again.", 1000)


@pytest.mark.parametrize(
    ("messages", "sentence", "code"),
    [
        ([message_of(1, b"GIF89a")], "a JPEG", 1007),
        ([message_of(1, JPEG[:20])], "a JPEG", 1007),
        ([b""], "a JPEG", 1007),
        (["hello"], "a JPEG", 1007),
        ([message_of(2, JPEG), message_of(2, JPEG)], "a number that grows", 1007),
        ([message_of(1, JPEG + bytes(300_000))], "larger than 262144 bytes", 1009),
        ([message_of(1, TOWER)], "1920 x 1080", 1009),
    ],
    ids=["gif", "cut", "empty", "text", "number", "bytes", "pixels"],
)
def test_what_is_no_picture_ends_it_with_a_sentence(
    socket: ClientConnection, messages: list[bytes | str], sentence: str, code: int
) -> None:
    take(socket, "ready")
    for message in messages:
        socket.send(message)
    said, closed = refusal(socket)
    assert sentence in said
    assert closed == code


def test_no_more_webcams_than_may_send(broker: Broker) -> None:
    with serving(broker, ApiSettings(max_webcams=1)) as client:
        assert client.get("/v1/webcam").json() == {"fps": 8.0, "max_picture": 262144, "open": 0, "most": 1}
        with opened(client) as first:
            take(first, "ready")
            with opened(client) as second:
                assert refusal(second)[0].startswith("This moodline is busy: 1 webcams send already")
            answer = client.get("/v1/webcam")
        assert answer.status_code == 503
        assert "is busy" in answer.json()["detail"]


def test_a_burst_does_not_pass_the_most_webcams(broker: Broker) -> None:
    with serving(broker, ApiSettings(max_webcams=2)) as client, ExitStack() as stack:
        sockets = [stack.enter_context(opened(client)) for _ in range(8)]
        answers = [take(socket, "ready", "problem")["event"] for socket in sockets]

    assert answers.count("ready") == 2


def test_without_the_seal_key_no_picture_is_taken(broker: Broker) -> None:
    keyless = Broker(broker.client, broker.settings.model_copy(update={"seal_key": None}), shown_url="redis")
    with serving(keyless) as client, opened(client) as socket:
        assert "MOODLINE_SEAL_KEY" in refusal(socket)[0]
        assert "MOODLINE_SEAL_KEY" in client.get("/v1/webcam").json()["detail"]


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("webcam", None), ("write", None)])
def test_it_takes_a_key_that_may(broker: Broker, scope: Scope, status: int | None) -> None:
    text, key = new_key(scope)
    save_key(broker, key)
    with serving(broker, ApiSettings(require_key=True)) as client:
        assert client.get("/webcam").status_code == 200
        assert client.get("/v1/webcam").status_code == 401
        protocols = ("moodline.v1", f"moodline.key.{text}")
        if status is None:
            with opened(client, protocols=protocols) as socket:
                assert take(socket, "ready")
            return
        with pytest.raises(InvalidStatus) as refused, opened(client, protocols=protocols):
            pass
        assert refused.value.response.status_code == status


def test_a_page_of_others_may_not_send(client: httpx.Client) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        opened(client, headers={"Origin": "http://evil.test"}),
    ):
        pass
    assert refused.value.response.status_code == 403
    assert "evil.test" in json.loads(refused.value.response.body or b"{}")["detail"]


def test_only_the_page_of_the_webcam_may_ask_for_the_camera(client: httpx.Client) -> None:
    assert client.get("/webcam").headers["permissions-policy"].startswith("camera=(self)")
    assert client.get("/").headers["permissions-policy"].startswith("camera=()")
