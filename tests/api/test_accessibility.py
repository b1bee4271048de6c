"""axe finds no serious fault on any page, light and dark, wide and narrow; screenshots are kept in test-artefacts."""

import time

import httpx
import pytest

from moodline.access import new_key, save_key
from moodline.broker import Broker
from moodline.settings import ApiSettings
from tests.api.axe import serious_faults
from tests.api.browser import Browser, artefact
from tests.api.stage import Scene, serving
from tests.support.wait import wait_until

WINDOWS = {"wide-light": {"width": 1280, "height": 900}, "narrow-dark": {"width": 390, "height": 844, "dark": True}}
PAGES = {
    "overview": ("/", "1 of 2 streams live"),
    "stream": ("/streams/door", "Latency, median"),
    "down": ("/streams/gate", "password refused"),
    "recordings": ("/analyses", "Hand in a video"),
    "webcam": ("/webcam", "Start camera"),
}


@pytest.fixture
def two_streams(scene: Scene) -> None:
    scene.open("door")
    scene.see("door", "happy", "sad", "surprise", at_ms=round(time.time() * 1000) - 60_000)
    scene.open("gate", "auth_failed")


@pytest.mark.usefixtures("two_streams")
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_a_serious_fault(client: httpx.Client, browser: Browser, page: str, window: str) -> None:
    path, words = PAGES[page]
    browser.open(f"{client.base_url}{path}")
    browser.wait_for(words)
    artefact(browser, f"{page}-{window}", **WINDOWS[window])

    assert serious_faults(browser) == []
    assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window"
    browser.run("0")
    assert browser.faults == []
    assert browser.hosts == {client.base_url.netloc.decode()}


def test_the_question_for_a_key_has_no_serious_fault(broker: Broker, browser: Browser) -> None:
    _, key = new_key("read")
    save_key(broker, key)
    with serving(broker, ApiSettings(require_key=True)) as client:
        browser.open(str(client.base_url))
        browser.wait_for("This moodline asks for a key")
        assert serious_faults(browser) == []
        browser.open("about:blank")


def test_axe_notices_a_fault(browser: Browser, client: httpx.Client) -> None:
    browser.open(f"{client.base_url}/webcam")
    browser.wait_for("Start camera")
    browser.run("document.querySelector('#start').textContent = ''")
    assert [fault["rule"] for fault in serious_faults(browser)] == ["button-name"]


@pytest.mark.usefixtures("two_streams")
def test_everything_is_reached_by_keyboard(client: httpx.Client, browser: Browser) -> None:
    browser.open(str(client.base_url))
    browser.wait_for("1 of 2 streams live")
    reached = []
    for _ in range(12):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.run("document.activeElement?.textContent?.trim().slice(0, 20) ?? ''"))
    for name in ("Skip to the content", "Streams", "Recordings", "Webcam", "door", "gate", "Changes", "Pause"):
        assert name in reached


def test_nothing_moves_for_whoever_asks_for_less(client: httpx.Client, browser: Browser) -> None:
    browser.open(f"{client.base_url}/webcam")
    wait_until(lambda: browser.run("!!document.querySelector('.probabilities')"), description="the page has begun")
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    moving = "getComputedStyle(document.querySelector('.probabilities .gauge i')).transitionDuration"
    wait_until(lambda: browser.run(moving) in {"0s", "0ms"}, description="no transition is left")
    browser.call("Emulation.setEmulatedMedia", features=[])
