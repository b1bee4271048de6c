"""Every kind of video over the API and on its page: long, large, without faces, damaged, and none at all."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.api.axe import serious_faults
from tests.api.browser import Browser, artefact
from tests.jobs.conftest import WITHIN_S, Desk, Jobs
from tests.support.recordings import Running
from tests.support.wait import wait_until

# Several processes start one after another, which on a busy machine takes its time.
pytestmark = pytest.mark.timeout(300)

Shown = Mapping[str, Any]


@pytest.fixture(scope="module")
def jobs(desk: Desk, running: Running) -> Iterator[Jobs]:
    jobs = Jobs(running, desk.folder)
    yield jobs
    jobs.end()


@pytest.fixture(scope="module")
def ended(
    desk: Desk, jobs: Jobs, half_a_minute: Path, full_hd: Path, without_faces: Path, damaged: Path, text_file: Path
) -> Mapping[str, Shown]:
    """What the API says of each video when its analysis has ended."""
    assert jobs.process.poll() is None
    videos = (half_a_minute, full_hd, without_faces, damaged, text_file)
    return {video.stem: desk.wait_for(desk.hand_in(video), "done", "failed") for video in videos}


def summary(desk: Desk, analysis: Shown) -> Shown:
    found: Shown = desk.result(analysis["id"], "summary.json").json()
    return found


def test_half_a_minute_is_read_whole_and_its_speed_is_told(desk: Desk, ended: Mapping[str, Shown]) -> None:
    analysis = ended["half-a-minute"]
    found = summary(desk, analysis)

    assert (analysis["state"], analysis["percent"], analysis["seconds_left"]) == ("done", 100, None)
    assert found["duration_s"] == pytest.approx(30, abs=0.5)
    assert found["faces"] == analysis["faces"] == found["accepted"] > 900
    assert analysis["times_real_time"] == pytest.approx(found["duration_s"] / found["took_s"], rel=0.02)
    assert f"{analysis['times_real_time']:g} times real time" in desk.result(analysis["id"], "report.html").text


def test_a_full_hd_video_is_read(desk: Desk, ended: Mapping[str, Shown]) -> None:
    found = summary(desk, ended["full-hd"])

    assert (found["width"], found["height"], found["complete"]) == (1920, 1080, True)
    assert found["faces"] > 20


def test_a_video_without_faces_is_done_and_says_so(desk: Desk, ended: Mapping[str, Shown]) -> None:
    analysis = ended["no-faces"]

    assert (analysis["state"], analysis["faces"], summary(desk, analysis)["strongest"]) == ("done", 0, None)
    assert "No faces were found." in desk.result(analysis["id"], "report.html").text


def test_a_damaged_video_gives_what_can_be_read(desk: Desk, ended: Mapping[str, Shown]) -> None:
    analysis = ended["damaged"]

    assert analysis["state"] == "done"
    assert 40 < analysis["frames"] <= 90
    assert analysis["faces"] == summary(desk, analysis)["faces"] > 40


def test_a_text_fails_with_a_sentence_and_is_counted(desk: Desk, ended: Mapping[str, Shown]) -> None:
    analysis = ended["letter"]

    assert (analysis["state"], analysis["results"]) == ("failed", [])
    assert "letter.mp4" in analysis["sentence"]
    assert re.search(r'moodline_jobs\{kind="analysis",state="failed"\} [1-9]', desk.client.get("/metrics").text)


def card(browser: Browser, name: str) -> str:
    """Return what the page says of a video, in one line."""
    script = f"[...document.querySelectorAll('.card')].find((one) => one.querySelector('h3').textContent === '{name}')"
    return " ".join(str(browser.run(f"{script}?.innerText ?? ''")).split())


@pytest.mark.usefixtures("ended")
@pytest.mark.parametrize("window", [{"width": 1100, "height": 900}, {"width": 390, "height": 844, "dark": True}])
def test_the_page_tells_the_same_of_each_and_has_no_serious_fault(
    desk: Desk, browser: Browser, window: dict[str, Any]
) -> None:
    browser.open(f"{desk.client.base_url}/analyses")
    wait_until(lambda: card(browser, "letter.mp4"), description="the cards are there")
    artefact(browser, f"analyses-{window['width']}", **window)

    assert re.search(r"was read to its end\. 9\d\d frames, .* faces, in .*, [\d.]+ times real time", long(browser))
    assert "Report Plot Summary JSON" in card(browser, "full-hd.mp4")
    assert "20 frames, 0 faces" in card(browser, "no-faces.mp4")
    assert "done" in card(browser, "damaged.mp4")
    assert card(browser, "letter.mp4").startswith("letter.mp4 failed ")
    assert serious_faults(browser) == []
    assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window"


def long(browser: Browser) -> str:
    return card(browser, "half-a-minute.mp4")


@pytest.mark.usefixtures("ended")
def test_the_page_shows_progress_and_cancels(desk: Desk, browser: Browser, half_a_minute: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.symlink_to(half_a_minute)
    browser.open(f"{desk.client.base_url}/analyses")
    job = desk.hand_in(film)

    wait_until(lambda: "left" in card(browser, "film.mp4"), description="time left", timeout=WITHIN_S)
    told, bar = card(browser, "film.mp4"), browser.run(f"document.querySelector('[data-id=\"{job}\"] progress').value")
    assert re.search(r"\d+ of 9\d\d frames \(\d+%\), \d+ faces, \d+:\d\d left\.", told)
    assert 0 < bar < 100
    underway = desk.show(job)
    assert 0 < underway["frames"] <= underway["total_frames"]
    assert serious_faults(browser) == []
    browser.run("""document.querySelector('[aria-label="Cancel film.mp4"]').click()""")

    wait_until(lambda: "film.mp4 cancelled" in card(browser, "film.mp4"), description="it is cancelled", timeout=60)
    assert not (desk.folder / job).exists()
