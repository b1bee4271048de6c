"""Analyses over the API, from the upload to the results, with workers that die and people who change their minds."""

import json
import re
import signal
from pathlib import Path

import httpx
import pytest

from moodline.broker import Broker
from moodline.recordings.results import RESULT_FILES
from moodline.streams import stream_ids
from tests.jobs.conftest import WITHIN_S, Desk, StartJobs
from tests.support.brokers import broker_on
from tests.support.ports import free_port
from tests.support.recordings import Running, faces, in_the_feed
from tests.support.wait import wait_until

# Several processes start one after another, which on a busy machine takes its time.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def broker(running: Running) -> Broker:
    return broker_on(running.server, seal_key=running.seal_key)


def collected(desk: Desk, job: str) -> int:
    file = desk.folder / job / "results/events.jsonl"
    return file.read_text().count("\n") if file.exists() else 0


def test_an_upload_becomes_results_and_is_deleted(
    desk: Desk, start_jobs: StartJobs, short: Path, broker: Broker
) -> None:
    port = free_port()
    jobs = start_jobs(metrics_port=str(port))
    job = desk.hand_in(short, annotate="true")
    waiting = desk.show(job)
    assert waiting["name"] == "short.mp4"
    assert waiting["annotate"]

    done = desk.wait_for(job, "done", "failed")

    assert done["state"] == "done", jobs.log()
    assert done["percent"] == 100
    assert done["frames"] == done["total_frames"] > 80
    assert done["sentence"] == "short.mp4 was read to its end."
    assert done["results"] == list(RESULT_FILES)
    assert not (desk.folder / job / "video").exists()
    summary = desk.result(job, "summary.json").json()
    assert summary["faces"] == done["faces"] == len(faces(desk.folder / job / "results"))
    assert not [stream for stream in stream_ids(broker) if job in stream], "nothing is left of its stream"
    scraped = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    assert 'moodline_jobs_ended_total{kind="analysis",state="done"} 1.0' in scraped
    scraped = desk.client.get("/metrics").text
    assert re.search(r'^moodline_jobs\{kind="analysis",state="done"\} [1-9]', scraped, re.MULTILINE)
    assert 'moodline_jobs_workers{kind="analysis"} 1.0' in scraped
    assert 'moodline_jobs_oldest_wait_seconds{kind="analysis"} 0.0' in scraped
    listed = desk.client.get("/v1/analyses").json()
    assert (listed["workers"], listed["waiting"]) == (1, 0)
    report = desk.result(job, "report.html")
    assert "script-src" not in report.headers["content-security-policy"]
    assert "sandbox" in report.headers["content-security-policy"]
    assert report.headers["content-disposition"].startswith("inline")
    assert 'filename="short-tracks.csv"' in desk.result(job, "tracks.csv").headers["content-disposition"]

    assert desk.client.delete(f"/v1/analyses/{job}").status_code == 202
    assert desk.client.get(f"/v1/analyses/{job}").status_code == 404
    assert not (desk.folder / job).exists()
    assert jobs.stop() == 0


@pytest.fixture(scope="module")
def in_one_go(desk: Desk, running: Running, recordings: Path) -> list[tuple[int, str]]:
    """The faces of the short clip, named as a video of the server and analysed by nobody who died."""
    from tests.jobs.conftest import Jobs

    jobs = Jobs(running, desk.folder, recordings=str(recordings), detect_fps="60")
    try:
        answer = desk.client.post("/v1/analyses", json={"path": "holiday/film.mp4"})
        assert answer.status_code == 202, answer.text
        done = desk.wait_for(answer.json()["id"], "done", "failed")
        assert (done["state"], done["name"]) == ("done", "film.mp4"), jobs.log()
    finally:
        jobs.end()
    assert (recordings / "holiday/film.mp4").exists(), "a video of the server stays where it is"
    return faces(desk.folder / done["id"] / "results")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_whose_worker_ended_goes_on_with_another_one_and_counts_nothing_twice(
    desk: Desk, start_jobs: StartJobs, short: Path, in_one_go: list[tuple[int, str]], how: signal.Signals
) -> None:
    first = start_jobs()
    job = desk.hand_in(short)
    wait_until(lambda: collected(desk, job) > 20, description="some events are collected", timeout=60, interval=0.02)
    if how is signal.SIGKILL:
        first.kill()
    else:
        assert first.stop() == 0
        assert desk.show(job)["state"] == "waiting"
    partly = collected(desk, job)

    second = start_jobs()
    done = desk.wait_for(job, "done", "failed")

    assert done["state"] == "done", second.log()
    found = faces(desk.folder / job / "results")
    assert partly > 20
    assert found == in_one_go
    assert len({event["id"].partition("/")[0] for event in all_events(desk, job)}) == 1
    ledger = json.loads((desk.folder / job / "results/summary.json").read_text())
    assert ledger["accepted"] == ledger["faces"] == len(found)
    assert (ledger["dropped"], ledger["missing"]) == (0, 0)


def test_a_job_whose_worker_ended_while_it_drew_is_drawn_by_another_one_and_not_read_again(
    desk: Desk, start_jobs: StartJobs, large: Path, broker: Broker
) -> None:
    job = desk.hand_in(large, annotate="true")
    results = desk.folder / job / "results"
    fed = []
    for how in (signal.SIGTERM, signal.SIGKILL):
        jobs = start_jobs(detect_fps="5")
        draft = results / "draft-annotated.mp4"
        wait_until(draft.exists, description="the video is being drawn", timeout=WITHIN_S, interval=0.01)
        if how is signal.SIGTERM:
            assert jobs.stop() == 0
            assert desk.show(job)["state"] == "waiting", "it was stopped while it drew"
        else:
            jobs.kill()
        fed.append(in_the_feed(broker))

    last = start_jobs()
    done = desk.wait_for(job, "done", "failed")

    assert done["state"] == "done", last.log()
    assert done["results"] == list(RESULT_FILES)
    assert [*fed, in_the_feed(broker)] == [fed[0]] * 3, "nothing was counted twice"
    assert done["faces"] == desk.result(job, "summary.json").json()["faces"] == len(faces(results)) > 100


def all_events(desk: Desk, job: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (desk.folder / job / "results/events.jsonl").read_text().splitlines()]


def test_what_is_no_video_fails_with_a_sentence(desk: Desk, start_jobs: StartJobs, tmp_path: Path) -> None:
    start_jobs()
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear camera,\n" * 100)
    job = desk.hand_in(letter)

    failed = desk.wait_for(job, "done", "failed")

    assert failed["state"] == "failed"
    assert "letter.mp4" in failed["sentence"]
    assert str(desk.folder) not in failed["sentence"]
    assert not (desk.folder / job / "video").exists()


def test_an_analysis_that_runs_is_cancelled(desk: Desk, start_jobs: StartJobs, short: Path, broker: Broker) -> None:
    start_jobs()
    job = desk.hand_in(short)
    wait_until(lambda: collected(desk, job) > 0, description="it is under way", timeout=60, interval=0.02)

    assert desk.client.delete(f"/v1/analyses/{job}").json()["state"] == "running"

    assert desk.wait_for(job, "cancelled", "done")["state"] == "cancelled"
    assert not (desk.folder / job).exists()
    assert not [stream for stream in stream_ids(broker) if job in stream]


def test_an_analysis_that_waits_is_taken_out_of_the_queue(desk: Desk, short: Path) -> None:
    job = desk.hand_in(short)

    answer = desk.client.delete(f"/v1/analyses/{job}")

    assert answer.json()["state"] == "cancelled"
    assert desk.client.get(f"/v1/analyses/{job}").status_code == 404
    assert not (desk.folder / job).exists()


def test_only_so_many_may_wait(desk: Desk, short: Path) -> None:
    jobs = [desk.hand_in(short) for _ in range(4)]

    answer = desk.client.post("/v1/analyses", files={"video": ("short.mp4", short.read_bytes())})

    assert answer.status_code == 503
    assert "jobs.max_waiting" in answer.json()["detail"]
    for job in jobs:
        desk.client.delete(f"/v1/analyses/{job}")
    assert sorted(path.name for path in desk.folder.iterdir() if path.name in jobs) == []
