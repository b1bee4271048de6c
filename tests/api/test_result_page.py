"""A result of an analysis opens in the browser, with a key and without, runs nothing, and says why it does not open."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from moodline.access import new_key, save_key
from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.jobs.record import JobRecord, now
from moodline.jobs.store import JobStore
from moodline.settings import ApiSettings, JobSettings, RedisSettings
from tests.api.axe import serious_faults
from tests.api.browser import Browser, artefact
from tests.api.frames import Frame
from tests.api.stage import serving
from tests.support.wait import wait_until

JOB = "e" * 16
REPORT = """<!doctype html><html lang="en"><title>a report</title><style>h1 { color: rgb(1, 2, 3) }</style>
<h1>Emotions over time</h1>
<script>document.title = "owned"; parent.document.title = "owned"</script>
<img src="nowhere.png" alt="" onerror="document.title = 'owned'; parent.document.title = 'owned'">
<svg><script>document.title = "owned"</script></svg>"""
PLOT = '<svg xmlns="http://www.w3.org/2000/svg"><path style="fill: rgb(1, 2, 3)" d="M0 0h99v99z"/></svg>'


@pytest.fixture(params=["without a key", "with a key"])
def key(request: pytest.FixtureRequest, broker: Broker) -> str:
    if request.param == "without a key":
        return ""
    text, key = new_key("read")
    save_key(broker, key)
    return text


@pytest.fixture
def folder(embedded_server: EmbeddedServer, broker: Broker, tmp_path: Path) -> Path:  # noqa: ARG001 - empties it first
    """Where the results of an analysis lie."""
    results = tmp_path / JOB / "results"
    results.mkdir(parents=True)
    for name, text in {"report.html": REPORT, "timeline.svg": PLOT, "events.jsonl": "{}\n"}.items():
        (results / name).write_text(text)
    ended = {"state": "done", "created_at": now(), "started_at": now(), "ended_at": now()}
    with closing(JobStore.open(RedisSettings.model_validate({"url": embedded_server.url}), JobSettings())) as store:
        store.add(JobRecord(id=JOB, kind="analysis", name="film.mp4", **ended))
    return tmp_path


@pytest.fixture
def client(broker: Broker, folder: Path, key: str, browser: Browser) -> Iterator[httpx.Client]:
    """An API whose key the browser's tab has, where it asks for one."""
    with serving(broker, ApiSettings(require_key=bool(key)), jobs=JobSettings(folder=folder)) as client:
        browser.open(f"{client.base_url}/static/icon.svg")
        browser.run(f"sessionStorage.setItem('moodline-key', {key!r})")
        yield client
        browser.open("about:blank")


def press_enter(browser: Browser, link: str) -> None:
    """Open a link as the keyboard does."""
    browser.run(
        f"[...document.querySelectorAll('.results a, .files a')].find((a) => a.textContent === {link!r}).focus()"
    )
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r")
    browser.call("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter")


def test_the_report_opens_in_a_tab_of_its_own_and_may_run_nothing(client: httpx.Client, browser: Browser) -> None:
    browser.open(f"{client.base_url}/analyses")
    browser.wait_for("Report")
    press_enter(browser, "Report")
    browser.follow("/report.html")
    browser.call("Page.reload")  # whose faults are all seen
    report = Frame(browser)
    report.wait_for("Emotions over time")

    assert report.run("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)", "it has its style"
    wait_until(
        lambda: any("script" in fault for fault in browser.faults) or not browser.run("0"),
        description="Chromium says what it has refused",
    )
    assert report.run("document.title") == "a report"
    assert browser.run("document.title").startswith("Result")
    assert report.run("origin") == "null"
    artefact(browser, "result", width=1280, height=800)
    assert serious_faults(browser) == []


def test_the_plot_opens_too(client: httpx.Client, browser: Browser) -> None:
    browser.open(f"{client.base_url}/analyses/{JOB}/timeline.svg")
    plot = Frame(browser)
    plot.wait_for("")
    wait_until(lambda: plot.run("document.querySelectorAll('svg path').length"), description="the plot")
    assert plot.run("getComputedStyle(document.querySelector('path')).fill") == "rgb(1, 2, 3)"


def test_what_does_not_open_says_why(client: httpx.Client, browser: Browser, folder: Path) -> None:
    (folder / JOB / "results" / "report.html").unlink()
    browser.open(f"{client.base_url}/analyses/{JOB}/report.html")
    browser.wait_for("This analysis has no report.html: it is done.")

    browser.open(f"{client.base_url}/analyses")
    browser.wait_for("Events")
    refuse = "window.fetch = async () => new Response(JSON.stringify({ detail: 'Not today.' }), { status: 503 }); 0"
    browser.run(refuse)
    browser.run("sessionStorage.setItem('moodline-key', 'any')")
    press_enter(browser, "Events")
    wait_until(
        lambda: browser.run("document.querySelector('#said').textContent") == "Not today.", description="the reason"
    )


def test_who_comes_without_a_key_is_asked_for_it(broker: Broker, folder: Path, browser: Browser) -> None:
    text, key = new_key("read")
    save_key(broker, key)
    with serving(broker, ApiSettings(require_key=True), jobs=JobSettings(folder=folder)) as client:
        browser.open(f"{client.base_url}/static/icon.svg")
        browser.run("sessionStorage.clear()")
        browser.open(f"{client.base_url}/analyses/{JOB}/report.html")
        browser.wait_for("This moodline asks for a key")
        browser.run(f"document.querySelector('#key').value = {text!r}")
        browser.run("document.querySelector('dialog form').requestSubmit()")
        Frame(browser).wait_for("Emotions over time")
