"""Summaries and timelines are answered from memory for a moment, and from Redis afterwards."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx

from moodline.access import new_key, revoke_key, save_key
from moodline.broker import Broker
from moodline.settings import ApiSettings
from tests.api.stage import Scene, serving
from tests.support.brokers import client_of
from tests.support.wait import wait_until

LONG = ApiSettings(answer_age=timedelta(minutes=1))
SUMMARY = "/v1/summary?window=15m"


def reads(broker: Broker) -> int:
    """Return how often Redis has been asked for a summary."""
    return int(client_of(broker).info("commandstats").get("cmdstat_evalsha_ro", {}).get("calls", 0))


def faces(client: httpx.Client, path: str = SUMMARY) -> int:
    found: int = client.get(path).raise_for_status().json()["faces"]
    return found


def test_the_same_question_within_a_moment_asks_redis_once(broker: Broker, scene: Scene) -> None:
    scene.see("door", "happy")
    with serving(broker, LONG) as client:
        assert faces(client) == 1
        before = reads(broker)
        scene.see("door", "happy")
        first, again = client.get(SUMMARY), client.get(SUMMARY)
        assert again.json()["faces"] == 1
        assert reads(broker) == before
        assert first.headers.items() == again.headers.items()
        assert len(again.headers.get_list("content-security-policy")) == 1
        assert faces(client, "/v1/summary?window=16m") == 2
        assert client.get(SUMMARY, headers={"Accept": "text/csv"}).headers["content-type"].startswith("text/csv")
        metrics = client.get("/metrics").text
    assert 'moodline_request_seconds_count{route="/v1/summary",status="200"} 5.0' in metrics


def test_questions_at_once_get_one_answer(broker: Broker, scene: Scene) -> None:
    scene.see("door", "happy")
    with serving(broker, LONG) as client, ThreadPoolExecutor(8) as pool:
        before = reads(broker)
        assert list(pool.map(lambda _: faces(client), range(16))) == [1] * 16
        assert reads(broker) == before + 1


def test_an_answer_grows_old(broker: Broker, scene: Scene) -> None:
    scene.see("door", "happy")
    with serving(broker, ApiSettings(answer_age=timedelta(milliseconds=50))) as client:
        assert faces(client) == 1
        scene.see("door", "happy")
        wait_until(lambda: faces(client) == 2, description="the second face counts")


def test_a_problem_is_not_kept_and_a_key_is_asked_for_each_time(broker: Broker, scene: Scene) -> None:
    text, key = new_key("read")
    save_key(broker, key)
    path, headers = "/v1/streams/door/summary", {"Authorization": f"Bearer {text}"}
    with serving(broker, LONG.model_copy(update={"require_key": True})) as client:
        assert client.get(path, headers=headers).status_code == 404
        scene.see("door", "happy")
        assert client.get(path, headers=headers).json()["faces"] == 1
        assert client.get(path).status_code == 401
        revoke_key(broker, key.id)
        wait_until(lambda: client.get(path, headers=headers).status_code == 401, description="the key is revoked")
