"""The page of recordings in a real browser: hand in, watch, fetch, delete."""

import base64
import os
from contextlib import closing
from pathlib import Path

import pytest

from moodline.jobs.record import JobRecord, now
from moodline.jobs.store import JobStore
from moodline.settings import JobSettings, RedisSettings
from tests.api.browser import Browser
from tests.api.frames import Frame
from tests.jobs.conftest import Desk, StartJobs
from tests.support.recordings import Running
from tests.support.wait import wait_until

# Several processes start one after another, which on a busy machine takes its time.
pytestmark = pytest.mark.timeout(300)


def choose(browser: Browser, file: Path) -> None:
    """Choose a file as a person would in the browser's own dialogue."""
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    node = browser.call("DOM.querySelector", nodeId=root, selector="#video")["nodeId"]
    browser.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])


def press(browser: Browser, key: str) -> None:
    text = {"Enter": "\r", "Tab": "", " ": " "}[key]
    browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, text=text)
    browser.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)


def shows(browser: Browser, *words: str) -> None:
    """Wait for what takes a job its time: until the page shows one of these."""

    def shown() -> bool:
        text = browser.text()
        return any(one in text for one in words)

    wait_until(shown, description=f"the page shows {words}", timeout=180, interval=0.2)


def check_report(browser: Browser) -> None:
    """Open the report that the page names: it is drawn, and nothing in it is refused."""
    browser.open(browser.run("document.querySelector('a[href$=\"report.html\"]').href"))
    report = Frame(browser)
    report.wait_for("Emotions over time")
    assert report.run("document.querySelectorAll('svg path').length") > 0
    assert report.run("getComputedStyle(document.querySelector('section')).borderRadius") == "14px", "it has its style"
    assert browser.faults == []


def photograph(browser: Browser, name: str, width: int, height: int) -> None:
    """Keep a picture where SCREENSHOTS asks for it."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.call("Emulation.setDeviceMetricsOverride", **metrics)
        picture = browser.call("Page.captureScreenshot", format="png")["data"]
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(picture))
        browser.call("Emulation.clearDeviceMetricsOverride")


def test_a_video_is_handed_in_watched_fetched_and_deleted(
    desk: Desk, start_jobs: StartJobs, short: Path, browser: Browser, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear camera,\n" * 100)
    browser.open(f"{desk.client.base_url}/analyses")
    shows(browser, "connected")
    choose(browser, short)
    browser.run("document.querySelector('#send').focus()")
    press(browser, "Enter")

    shows(browser, "short.mp4 has been handed in.")
    shows(browser, "It waits for a worker.")
    shows(browser, "1 waiting, no `moodline jobs` is running.")
    start_jobs()
    choose(browser, letter)
    browser.run("document.querySelector('#hand-in').requestSubmit()")
    shows(browser, " running ", " done ")  # a short job may be over before the page has asked again
    photograph(browser, "analyses-running", 1100, 800)
    shows(browser, "short.mp4 was read to its end.")
    shows(browser, "Summary CSV")
    shows(browser, " failed ")
    photograph(browser, "analyses-done", 1100, 900)
    photograph(browser, "analyses-phone", 390, 900)
    browser.run("window.scrollTo(0, 0)")
    assert browser.hosts == {desk.client.base_url.netloc.decode()}

    page = str(browser.run("location.href"))
    check_report(browser)
    browser.open(page)
    shows(browser, "Summary CSV")
    browser.run("window.confirm = () => true")
    for name in ("letter.mp4", "short.mp4"):
        browser.run(f"""document.querySelector('[aria-label="Delete {name}"]').click()""")
    shows(browser, "None yet.")
    assert browser.faults == []


def test_the_page_shows_how_far_an_analysis_is(desk: Desk, running: Running, browser: Browser) -> None:
    words = "412 of 900 frames (46%), 530 faces, 0:06 left."
    numbers = {"steps": 412, "total": 900, "faces": 530, "seconds_left": 6.2}
    job = JobRecord(
        id="d" * 16, kind="analysis", name="far.mp4", state="running", sentence=words, created_at=now(), **numbers
    )
    redis = RedisSettings.model_validate({"url": running.server.url})
    with closing(JobStore.open(redis, JobSettings())) as store:
        store.add(job)
        browser.open(f"{desk.client.base_url}/analyses")
        shows(browser, words)
        store.remove(job.id)

    assert browser.run("document.querySelector('[aria-label=\"Progress of far.mp4\"]').value") == 45.8


EVIL = """<!doctype html><title>a report</title><h1>Emotions over time</h1>
<script>document.title = "owned"</script>
<img src="nowhere.png" onerror="document.title = 'owned'">
<svg><script>document.title = "owned"</script></svg>"""


def test_a_report_opens_and_may_run_nothing(desk: Desk, running: Running, browser: Browser, tmp_path: Path) -> None:
    job = JobRecord(id="e" * 16, kind="analysis", name="evil.mp4", state="done", created_at=now(), ended_at=now())
    results = desk.folder / job.id / "results"
    results.mkdir(parents=True)
    for file in (results / "report.html", tmp_path / "report.html"):
        file.write_text(EVIL)
    redis = RedisSettings.model_validate({"url": running.server.url})
    with closing(JobStore.open(redis, JobSettings())) as store:
        store.add(job)

    browser.open((tmp_path / "report.html").as_uri())
    shows(browser, "Emotions over time")
    wait_until(lambda: browser.run("document.title") == "owned", description="without moodline before it, it runs")
    browser.open(f"{desk.client.base_url}/v1/analyses/{job.id}/results/report.html")
    shows(browser, "Emotions over time")

    wait_until(lambda: browser.run("document.readyState") == "complete", description="all of it is loaded")
    assert browser.run("document.title") == "a report"
    assert any("script" in fault for fault in browser.faults), "Chromium says what it has refused"
    assert desk.client.delete(f"/v1/analyses/{job.id}").status_code == 202
