"""When moodline goes away or refuses, its pages say what it is, aloud once, and show nothing old as if it were now."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
from tests.api.browser import Browser, artefact, chromium
from tests.api.stage import Scene, serving
from tests.support.wait import wait_until

LIGHT = {"width": 1280, "height": 900}
DARK = {"width": 390, "height": 844, "dark": True}
PAGES = {"overview": ("/", "1 of 1 stream live"), "stream": ("/streams/door", "Latency, median 61 ms")}
RECORD_WHAT_IS_SPOKEN = """
window.spoken = [];
new MutationObserver(() => spoken.push(document.getElementById('announce').textContent))
  .observe(document.getElementById('announce'), { childList: true, characterData: true, subtree: true });
window.asked = 0;
const asks = window.fetch;
window.fetch = (...question) => { window.asked += 1; return asks(...question); };
0"""
AWAY = "moodline does not answer; what is shown is old. The page goes on asking."


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium"), "--use-fake-device-for-media-stream") as browser:
        yield browser


@pytest.fixture(autouse=True)
def _nothing_is_asked_any_more(browser: Browser) -> Iterator[None]:
    yield
    browser.run("sessionStorage.clear()")
    browser.open("about:blank")


@pytest.fixture
def door(scene: Scene) -> None:
    scene.open("door")
    scene.see("door", "happy", "sad", at_ms=round(time.time() * 1000) - 60_000)


def look(browser: Browser, client: httpx.Client, path: str, words: str) -> None:
    browser.open(f"{client.base_url}{path}")
    browser.wait_for(words)
    browser.wait_for("connected")
    browser.run(RECORD_WHAT_IS_SPOKEN)


def wait_for_questions(browser: Browser, number: int) -> None:
    """Wait until the page has asked so often again."""
    before = browser.run("window.asked")
    wait_until(lambda: browser.run("window.asked") >= before + number, description="the page asks again")


def check_looks(browser: Browser, name: str) -> None:
    """axe finds nothing serious, light and dark; nothing is hidden by being pale."""
    for look_of in (LIGHT, DARK):
        artefact(browser, f"away-{name}-{'dark' if 'dark' in look_of else 'light'}", **look_of)
        assert serious_faults(browser) == []
        assert browser.run("getComputedStyle(document.querySelector('main')).opacity") == "1"
        assert browser.run("document.documentElement.scrollWidth <= innerWidth")


def shown(browser: Browser, where: str) -> str:
    return str(browser.run(f"document.querySelector({where!r}).innerText"))


@pytest.mark.usefixtures("door")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_once_that_moodline_is_away_and_once_that_it_is_back(
    broker: Broker, scene: Scene, browser: Browser, page: str
) -> None:
    with serving(broker) as client:
        look(browser, client, *PAGES[page])
        assert shown(browser, ".state") == "live"
    browser.wait_for(AWAY)

    assert shown(browser, "#link") == "offline"
    assert shown(browser, ".state") == "unknown"
    assert "last frame" not in browser.text()
    said = shown(browser, ".sentence")
    assert said.startswith("Last heard of")
    assert said.endswith("ago: live.")
    wait_until(lambda: shown(browser, ".sentence") != said, description="the age grows")
    assert "2 faces now" not in browser.text()
    wait_for_questions(browser, 4)
    assert browser.run("spoken") == [AWAY]
    check_looks(browser, page)

    scene.open("door")
    with serving(broker, port=client.base_url.port or 0):
        browser.wait_for("connected")
        assert shown(browser, ".state") == "live"
        assert AWAY not in browser.text()
        assert browser.run("spoken") == [AWAY, "Connected again."]


@contextmanager
def analyses(broker: Broker, server: EmbeddedServer, folder: Path) -> Iterator[httpx.Client]:
    """An API that knows an analysis that runs and one that is done."""
    jobs = JobSettings(folder=folder)
    with closing(JobStore.open(RedisSettings.model_validate({"url": server.url}), jobs)) as store:
        for state, digit in (("running", "1"), ("done", "2")):
            made = {"name": f"{state}.mp4", "state": state, "sentence": "A sentence.", "steps": 40, "total": 100}
            store.add(JobRecord(id=digit * 16, kind="analysis", created_at=now(), started_at=now(), **made))
    with serving(broker, jobs=jobs) as client:
        yield client


def test_the_page_of_recordings_does_not_know_how_far_they_are(
    broker: Broker, embedded_server: EmbeddedServer, browser: Browser, tmp_path: Path
) -> None:
    with analyses(broker, embedded_server, tmp_path) as client:
        look(browser, client, "/analyses", "running.mp4")
    browser.wait_for(AWAY)

    assert shown(browser, "#link") == "offline"
    states = "[...document.querySelectorAll('.card .state')].map((pill) => pill.textContent).sort()"
    assert browser.run(states) == ["done", "unknown"]
    assert browser.run("[...document.querySelectorAll('.card progress')].every((bar) => bar.hidden)")
    browser.wait_for("Last heard of")
    wait_for_questions(browser, 3)
    assert browser.run("spoken") == [AWAY]
    check_looks(browser, "recordings")
    with serving(broker, jobs=JobSettings(folder=tmp_path), port=client.base_url.port or 0):
        browser.wait_for("connected")
        assert browser.run(states) == ["done", "running"]
        assert browser.run("spoken") == [AWAY, "Connected again."]


def test_who_gives_no_key_reads_that_it_is_missing_and_who_gives_a_wrong_one_that_it_is_refused(
    broker: Broker, browser: Browser
) -> None:
    with serving(broker, ApiSettings(require_key=True)) as client:
        for path in ("/", "/analyses"):
            browser.open(f"{client.base_url}{path}")
            decline(browser)
            browser.wait_for("This moodline asks for a key: send one")
            assert shown(browser, "#link") == "key missing"
            assert "Load this page again to give one." in shown(browser, ".banner[data-tone=bad]")
            assert "asks for a key" in shown(browser, "#announce")

            browser.run("sessionStorage.setItem('moodline-key', 'wrong')")
            browser.call("Page.reload")
            decline(browser)
            browser.wait_for("This key is not known here")
            assert shown(browser, "#link") == "key refused"
            assert serious_faults(browser) == []
            browser.run("sessionStorage.clear()")


def decline(browser: Browser) -> None:
    found = "document.querySelector('dialog button[type=button]')"
    wait_until(lambda: browser.run(f"!!{found}"), description="the question for a key")
    browser.run(f"{found}.click()")


def test_who_has_a_key_for_something_else_reads_that(broker: Broker, browser: Browser) -> None:
    text, key = new_key("webcam")
    save_key(broker, key)
    with serving(broker, ApiSettings(require_key=True)) as client:
        browser.open(f"{client.base_url}/static/icon.svg")
        browser.run(f"sessionStorage.setItem('moodline-key', {text!r})")
        browser.open(str(client.base_url))
        decline(browser)
        browser.wait_for("This key may webcam, and this needs one that may read.")
        assert shown(browser, "#link") == "not allowed"


@pytest.mark.usefixtures("door")
def test_who_asks_too_often_reads_that(broker: Broker, browser: Browser) -> None:
    with serving(broker) as client:
        look(browser, client, *PAGES["overview"])
    with serving(broker, ApiSettings(rate_limit=0.1), port=client.base_url.port or 0):
        browser.wait_for("That were too many requests")
        assert shown(browser, "#link") == "too many requests"
        assert shown(browser, ".state") == "unknown"


def test_the_page_of_the_webcam_says_what_it_is(broker: Broker, browser: Browser) -> None:
    with serving(broker) as client:
        browser.call("Browser.grantPermissions", permissions=["videoCapture"], origin=str(client.base_url))
        browser.open(f"{client.base_url}/webcam")
        browser.wait_for("Start camera")
        wait_until(lambda: browser.run("!document.querySelector('#start').disabled"), description="the page has begun")
        browser.run("document.querySelector('#start').click()")
        browser.wait_for("connected")
        wait_until(lambda: "a second" in shown(browser, "#facts"), description="figures")
    browser.wait_for("moodline does not answer. The page goes on trying.")

    assert shown(browser, "#link") == "offline"
    assert "a second" not in shown(browser, "#facts"), "what was measured is old"
    assert browser.run("document.querySelector('#problem').getAttribute('role')") == "alert"
    check_looks(browser, "webcam")
    with serving(broker, ApiSettings(require_key=True), port=client.base_url.port or 0):
        decline(browser)
        browser.wait_for("This moodline asks for a key: send one")
        assert shown(browser, "#link") == "key missing"
        browser.run("document.querySelector('#start').click()")
