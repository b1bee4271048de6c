"""Summaries and timelines are answered from memory for a moment, and from Redis afterwards."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.kept_answers import LARGEST_ANSWER, KeptAnswersMiddleware
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


class Counted:
    """An application that answers slowly, and counts how often it is asked and how often at once."""

    def __init__(self, status: int, size: int) -> None:
        self.asked = self.now = self.most = 0
        self._status = status
        self._body = b"x" * size

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        await send({"type": "http.response.start", "status": self._status, "headers": []})
        await send({"type": "http.response.body", "body": self._body})


async def lengths(app: Counted, askers: int) -> list[int]:
    """Let one client ask that never reads, and then others; return how much each of these gets."""
    kept = KeptAnswersMiddleware(app, 60.0)
    scope = {"type": "http", "method": "GET", "path": "/v1/summary", "query_string": b"", "headers": []}

    async def never(_: Any = None) -> Any:
        await asyncio.Event().wait()

    async def ask() -> int:
        got = []

        async def take(message: Any) -> None:
            got.append(message)

        await kept(dict(scope), never, take)
        return sum(len(message.get("body", b"")) for message in got)

    first = asyncio.create_task(kept(dict(scope), never, never))
    await asyncio.sleep(0)
    found = await asyncio.wait_for(asyncio.gather(*(ask() for _ in range(askers))), 10)
    first.cancel()
    return found


@pytest.mark.parametrize("status", [200, 503])
def test_a_client_that_never_reads_holds_nobody_up(status: int) -> None:
    app = Counted(status, 5)

    assert asyncio.run(lengths(app, 8)) == [5] * 8
    assert app.asked == 1


def test_an_answer_that_is_too_large_to_be_kept_is_made_one_at_a_time() -> None:
    app = Counted(200, LARGEST_ANSWER + 1)

    assert asyncio.run(lengths(app, 8)) == [LARGEST_ANSWER + 1] * 8
    assert (app.asked, app.most) == (9, 1)
