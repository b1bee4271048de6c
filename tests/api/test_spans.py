"""Summaries between two moments, beside the window before, by day, and as tables."""

import csv
import io
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.api.stage import Scene
from tests.api.test_streams import detail

MINUTE_MS = 60_000
DAY_MS = 86_400_000


def at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.fixture
def now() -> int:
    return round(time.time() * 1000)


@pytest.mark.parametrize("path", ["/v1/summary", "/v1/streams/door/summary"])
def test_a_summary_between_two_moments_holds_what_was_seen_between_them(
    client: httpx.Client, scene: Scene, now: int, path: str
) -> None:
    scene.see("door", "angry", at_ms=now - 40 * MINUTE_MS)
    scene.see("door", "happy", "happy", at_ms=now - 20 * MINUTE_MS)
    scene.see("door", "sad")

    def counts(since: int, until: int | None) -> dict[str, int]:
        span = {"from": at(since)} | ({"to": at(until)} if until else {})
        emotions = client.get(path, params=span).json()["emotions"]
        return {name: one["count"] for name, one in emotions.items() if one["count"]}

    assert counts(now - 30 * MINUTE_MS, now - 10 * MINUTE_MS) == {"happy": 2}
    assert counts(now - 50 * MINUTE_MS, now - 10 * MINUTE_MS) == {"happy": 2, "angry": 1}
    assert counts(now - 30 * MINUTE_MS, None) == {"happy": 2, "sad": 1}


def test_a_span_is_widened_to_the_edges_of_time_buckets(client: httpx.Client, scene: Scene, now: int) -> None:
    scene.see("door", "happy")
    minute = now // MINUTE_MS * MINUTE_MS
    span = {"from": at(minute - 55_000), "to": at(minute - 4_000)}

    summary = client.get("/v1/streams/door/summary", params=span).json()

    assert summary["window_s"] == 51
    assert summary["start"] == at(minute - MINUTE_MS)[:19] + ".000Z"
    assert summary["end"] == at(minute)[:19] + ".000Z"


def test_a_window_may_end_at_a_moment(client: httpx.Client, scene: Scene, now: int) -> None:
    scene.see("door", "angry", at_ms=now - 20 * MINUTE_MS)
    scene.see("door", "happy")

    ending = {"window": "10m", "to": at(now - 15 * MINUTE_MS)}

    assert client.get("/v1/summary", params=ending).json()["emotions"]["angry"]["count"] == 1


def test_a_moment_may_be_of_any_zone_and_its_plus_unencoded(client: httpx.Client, scene: Scene, now: int) -> None:
    scene.see("door", "happy")
    zone = datetime.fromtimestamp(now / 1000 - 60, UTC) + timedelta(hours=2)

    answer = client.get(f"/v1/summary?from={zone:%Y-%m-%dT%H:%M:%S}+02:00")

    assert answer.json()["faces"] == 1


def test_a_timeline_between_two_moments_has_every_step(client: httpx.Client, scene: Scene, now: int) -> None:
    hour = now // (60 * MINUTE_MS) * 60 * MINUTE_MS
    scene.see("door", "sad", at_ms=hour - 50 * MINUTE_MS)

    span = {"from": at(hour - 60 * MINUTE_MS), "to": at(hour), "step": "10m"}
    timeline = client.get("/v1/streams/door/timeline", params=span).json()

    assert [bucket["faces"] for bucket in timeline["buckets"]] == [0, 1, 0, 0, 0, 0]
    assert timeline["buckets"][0]["at"] == at(hour - 60 * MINUTE_MS)[:19] + ".000Z"


def test_a_window_is_compared_with_the_one_before(client: httpx.Client, scene: Scene, now: int) -> None:
    scene.see("door", "sad", "sad", at_ms=now - 15 * MINUTE_MS)
    scene.see("door", "happy", "sad", "happy", "happy")

    for asked in ({"window": "10m"}, {"from": at(now - 10 * MINUTE_MS)}):
        summary = client.get("/v1/streams/door/summary", params={**asked, "compare": "before"}).json()

        assert (summary["before"]["faces"], summary["faces"]) == (2, 4)
        assert summary["before"]["end"] == summary["start"]
        assert summary["change"]["faces"] == 2
        assert {name: share for name, share in summary["change"]["shares"].items() if share} == {
            "happy": 0.75,
            "sad": -0.75,
        }
    assert client.get("/v1/streams/door/summary").json()["before"] is None


def test_a_diary_has_every_day_with_its_strongest_emotion(client: httpx.Client, scene: Scene, now: int) -> None:
    scene.see("door", "sad", "sad", "happy", at_ms=now - 2 * DAY_MS)
    scene.see("door", "happy")

    days = client.get("/v1/streams/door/days").json()["days"]

    assert len(days) == 30
    assert [(day["faces"], day["strongest"]) for day in days[-3:]] == [(3, "sad"), (0, None), (1, "happy")]
    assert days[-1]["date"] == at(now)[:10]
    span = {"from": days[-3]["date"], "to": days[-2]["date"]}
    assert client.get("/v1/streams/door/days", params=span).json()["days"] == days[-3:-1]


def test_a_recorded_streams_days_end_with_its_last_event(client: httpx.Client, scene: Scene) -> None:
    scene.see("film", "happy", recorded=True, at_ms=round(datetime(2024, 5, 17, 12, tzinfo=UTC).timestamp() * 1000))

    days = client.get("/v1/streams/film/days").json()["days"]
    noon = {"from": "2024-05-17T00:00:00Z", "to": "2024-05-18T00:00:00Z"}

    assert (days[-1]["date"], days[-1]["faces"]) == ("2024-05-17", 1)
    assert client.get("/v1/streams/film/summary", params=noon).json()["faces"] == 1


@pytest.mark.parametrize(
    "asked", [{"format": "csv"}, {"accept": "text/csv"}, {"accept": "application/json;q=0.5,text/csv"}]
)
def test_tables_hold_what_the_json_says(client: httpx.Client, scene: Scene, asked: dict[str, str]) -> None:
    scene.see("door", "happy", "sad", "happy")
    params = {name: value for name, value in asked.items() if name == "format"}
    headers = {name: value for name, value in asked.items() if name == "accept"}

    def get(path: str, **more: str) -> httpx.Response:
        return client.get(f"/v1/streams/door/{path}", params={**params, **more}, headers=headers)

    summary = {row["emotion"]: row["count"] for row in table(get("summary"))}
    assert (summary["happy"], summary["sad"], summary["fear"]) == ("2", "1", "0")
    assert table(get("timeline"))[-1]["happy"] == "2"
    assert table(get("days"))[-1]["strongest"] == "happy"
    assert 'filename="moodline-door-days.csv"' in get("days").headers["content-disposition"]
    assert len(table(get("summary", compare="before"))) == 14


def test_json_is_the_answer_where_both_are_welcome(client: httpx.Client) -> None:
    for accept in ("*/*", "text/html, */*;q=0.8", "application/json, text/csv", "text/csv;q=none"):
        answer = client.get("/v1/summary", headers={"accept": accept})
        assert answer.headers["content-type"] == "application/json", accept
    assert table(client.get("/v1/summary?format=csv", headers={"accept": "application/json"}))
    assert client.get("/v1/timeline?format=json", headers={"accept": "text/csv"}).json()["buckets"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=yesterday", "'from' is no moment; write it as 2026-11-22T08:00:00Z"),
        ("from=2026-13-01T00:00:00Z", "'from' is no moment"),
        ("from=2026-11-22T08:00:00", "'from' is no moment"),
        ("to=0001-01-01T00:00:00Z", "'to' must lie in the years 1970 to 8999"),
        ("to=9000-01-01T00:00:00Z", "'to' must lie in the years 1970 to 8999"),
        ("to=1970-01-01T00:00:00%2B02:00", "'to' must lie in the years 1970 to 8999"),
        ("from=1970-01-01T00:00:00Z", "'from' is further from the end than what is kept"),
        ("from=2026-11-22T08:00:00Z&to=2026-11-22T07:00:00Z", "'from' must lie before 'to'"),
        ("from=2999-01-01T00:00:00Z", "'from' lies in the future"),
        ("from=1990-01-01T00:00:00Z", "'from' is further from the end than what is kept; ask for at most 730d"),
        ("from=2026-11-22T08:00:00Z&window=5m", "'window' says the same as 'from'"),
        ("window=500d&compare=before", "'compare' needs the window before as well"),
        ("compare=after", "'compare' should be 'before'"),
        ("format=xml", "'format' should be 'json' or 'csv'"),
    ],
)
def test_a_wrong_span_is_named_with_what_to_do(client: httpx.Client, query: str, sentence: str) -> None:
    assert detail(client.get(f"/v1/summary?{query}"), 422).startswith(f"Query parameter {sentence}")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=5", "'from' is no day; write it as 2026-11-22"),
        ("from=2026-11-22&to=2026-11-20", "'from' must not lie after 'to'"),
        ("from=1970-01-01", "'from' is further from the end than what is kept"),
        ("from=1969-12-31", "'from' must lie in the years 1970 to 8999"),
        ("from=2020-01-01", "'from' is further from the end than what is kept"),
    ],
)
def test_wrong_days_are_named(client: httpx.Client, scene: Scene, query: str, sentence: str) -> None:
    scene.open("door")

    assert detail(client.get(f"/v1/streams/door/days?{query}"), 422).startswith(f"Query parameter {sentence}")
