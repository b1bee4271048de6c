"""What the API tells of streams, and of the emotions in them."""

import time
from typing import Any

import httpx
import pytest

from tests.api.stage import Scene

HOUR_MS = 3_600_000


def detail(answer: httpx.Response, status: int) -> str:
    """Return the sentence of a problem."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["instance"] == answer.url.path
    return str(problem["detail"])


def test_no_stream_yet(client: httpx.Client) -> None:
    assert client.get("/v1/streams").json() == {"streams": []}


def test_a_stream_tells_how_it_does(client: httpx.Client, scene: Scene) -> None:
    scene.open("door", age_ms=2500)
    scene.see("door", "happy", "sad")
    scene.queue("door", 3)
    scene.drop("door")

    stream = client.get("/v1/streams/door").json()

    assert client.get("/v1/streams").json()["streams"][0]["id"] == "door"
    assert (stream["state"], stream["sentence"]) == ("live", "Frames arrive.")
    assert (stream["width"], stream["height"], stream["fps"]) == (640, 360, 5.0)
    assert stream["faces_now"] == 2
    assert 2.5 <= stream["last_frame_age_s"] < 10
    ledger = stream["ledger"]
    assert (ledger["accepted"], ledger["events"], ledger["queued"]) == (5, 2, 2)
    assert {reason: number for reason, number in ledger["dropped"].items() if number} == {"poison": 1}


def test_a_stream_whose_reader_has_not_reported_is_connecting(client: httpx.Client, scene: Scene) -> None:
    scene.queue("door", 1)

    stream = client.get("/v1/streams/door").json()

    assert (stream["state"], stream["kind"], stream["last_frame_age_s"]) == ("connecting", None, None)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/streams/attic",
        "/v1/streams/attic/summary",
        "/v1/streams/attic/timeline",
        "/v1/events?stream=attic",
        "/v1/events/recent?stream=attic",
        "/v1/events/live?stream=attic",
    ],
)
def test_an_unknown_stream_is_named(client: httpx.Client, path: str) -> None:
    assert detail(client.get(path), 404) == "There is no stream 'attic'; /v1/streams lists those that are known."


def test_a_summary_counts_faces_tracks_and_emotions(client: httpx.Client, scene: Scene) -> None:
    for _ in range(3):
        scene.see("door", "happy", "sad")
    scene.see("door", "happy")

    summary = client.get("/v1/streams/door/summary", params={"window": "15m"}).json()

    assert (summary["faces"], summary["tracks"], summary["window_s"]) == (7, 2, 900)
    happy, sad = summary["emotions"]["happy"], summary["emotions"]["sad"]
    assert (happy["count"], sad["count"]) == (4, 3)
    assert happy["share"] == pytest.approx(4 / 7, abs=1e-4)
    assert happy["mean_probability"] == pytest.approx((4 * 0.94 + 3 * 0.01) / 7, abs=1e-3)
    assert sum(one["share"] for one in summary["emotions"].values()) == pytest.approx(1, abs=1e-3)
    assert summary["start"] < summary["first_seen"] <= summary["last_seen"] < summary["end"]


def test_a_window_leaves_out_what_is_older(client: httpx.Client, scene: Scene) -> None:
    now = round(time.time() * 1000)
    scene.see("door", "angry", at_ms=now - HOUR_MS)
    scene.see("door", "happy")

    def faces(window: str) -> int:
        return int(client.get("/v1/streams/door/summary", params={"window": window}).json()["faces"])

    assert (faces("15m"), faces("1h30m"), faces("2d")) == (1, 2, 2)


def test_a_timeline_has_every_step_and_adds_up_to_the_summary(client: httpx.Client, scene: Scene) -> None:
    now = round(time.time() * 1000)
    scene.see("door", "sad", "sad", at_ms=now - 20 * 60_000)
    scene.see("door", "happy")

    timeline = client.get("/v1/streams/door/timeline", params={"window": "1h", "step": "5m"}).json()

    assert (timeline["window_s"], timeline["step_s"], len(timeline["buckets"])) == (3600, 300, 12)
    counts = [bucket["emotions"] for bucket in timeline["buckets"] if bucket["faces"]]
    assert counts == [{"sad": 2}, {"happy": 1}]
    starts = [bucket["at"] for bucket in timeline["buckets"]]
    assert starts == sorted(starts)


def test_a_step_that_is_longer_than_the_window_is_told_whole(client: httpx.Client, scene: Scene) -> None:
    now = round(time.time() * 1000)
    scene.see("door", "sad", at_ms=now - 50 * 24 * HOUR_MS)
    scene.see("door", "happy")

    def faces(window: str, step: str) -> int:
        asked = {"window": window, "step": step}
        return sum(bucket["faces"] for bucket in client.get("/v1/timeline", params=asked).json()["buckets"])

    assert faces("15m", "730d") == faces("700d", "730d") > 0


def test_all_streams_add_up(client: httpx.Client, scene: Scene) -> None:
    scene.see("door", "happy")
    scene.see("hall", "sad", "sad")

    summary = client.get("/v1/summary", params={"window": "10m"}).json()
    timeline = client.get("/v1/timeline", params={"window": "10m", "step": "10m"}).json()

    assert summary["streams"] == timeline["streams"] == ["door", "hall"]
    assert (summary["faces"], summary["emotions"]["sad"]["count"]) == (3, 2)
    assert sum(bucket["faces"] for bucket in timeline["buckets"]) == 3


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/v1/summary?window=15+apples", "'window' is not a duration"),
        ("/v1/summary?window=0", "'window' must be longer than zero"),
        ("/v1/summary?window=3000d", "'window' is longer than what is kept; ask for at most 730d"),
        ("/v1/summary?window=1e400", "'window' is not a duration"),
        ("/v1/timeline?window=1h&step=7s", "'step' must be a multiple of a step that is kept"),
        ("/v1/timeline?window=1h&step=nan", "'step' is not a duration"),
        ("/v1/timeline?window=40h&step=10s", "'step' must be a multiple of a step that is kept"),
        ("/v1/timeline?step=1000d", "'step' is longer than what is kept (730 days)"),
        ("/v1/timeline?step=999999999d&to=8999-12-31T00:00:00Z", "'step' is longer than what is kept"),
        ("/v1/events?limit=0", "'limit' should be greater than or equal to 1"),
        ("/v1/events?cursor=banana", "'cursor' is no cursor"),
        ("/v1/events?cursor=0_1-1.99_1-1", "'cursor' is no cursor"),
        ("/v1/events?kind=smile", "'kind' should be 'emotion', 'face_entered'"),
        ("/v1/events/live?emotion=bored", "'emotion' should be 'angry'"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_to_do(client: httpx.Client, path: str, sentence: str) -> None:
    said = detail(client.get(path), 422)

    assert said.startswith(f"Query parameter {sentence}")
    assert said.endswith(".")
    assert "\n" not in said


@pytest.mark.parametrize("path", ["/v1/streams/", "/healthz/", "/static", "/webcam/"])
def test_a_slash_too_many_or_too_few_leads_nowhere_else(client: httpx.Client, path: str) -> None:
    assert "/openapi.json" in detail(client.get(path), 404)


def test_a_path_that_is_not_there_points_to_what_there_is(client: httpx.Client) -> None:
    assert "/openapi.json" in detail(client.get("/v2/streams"), 404)
    assert "does not answer PUT" in detail(client.put("/v1/streams"), 405)
