"""axe finds no serious fault on any page, light and dark, wide and narrow; screenshots are kept in test-artefacts."""

import json
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from moodline.access import new_key, save_key
from moodline.broker import Broker
from moodline.settings import ApiSettings
from tests.api.browser import Browser, artefact, chromium
from tests.api.stage import Scene, serving
from tests.support.needs import missing
from tests.support.wait import wait_until

SERIOUS = ("serious", "critical")
WINDOWS = {"wide-light": {"width": 1280, "height": 900}, "narrow-dark": {"width": 390, "height": 844, "dark": True}}
PAGES = {
    "overview": ("/", "1 of 2 streams live"),
    "stream": ("/streams/door", "Latency, median"),
    "down": ("/streams/gate", "password refused"),
    "webcam": ("/webcam", "Start camera"),
}


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    found = find_spec("axe_core_python")
    if found is None or found.origin is None:
        missing("the Python package axe-core-python")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def two_streams(scene: Scene) -> None:
    scene.open("door")
    scene.see("door", "happy", "sad", "surprise", at_ms=round(time.time() * 1000) - 60_000)
    scene.open("gate", "auth_failed")


def faults(browser: Browser, axe: str) -> list[dict[str, Any]]:
    """Return what axe calls serious, with the elements that it means."""
    browser.run(axe + "; 0")
    rules = "runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']"
    found = json.loads(browser.run(f"axe.run(document, {{ {rules} }}).then((done) => JSON.stringify(done.violations))"))
    return [
        {"rule": fault["id"], "help": fault["help"], "where": [node["html"][:120] for node in fault["nodes"][:3]]}
        for fault in found
        if fault["impact"] in SERIOUS
    ]


@pytest.mark.usefixtures("two_streams")
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_a_serious_fault(client: httpx.Client, browser: Browser, axe: str, page: str, window: str) -> None:
    path, words = PAGES[page]
    browser.open(f"{client.base_url}{path}")
    browser.wait_for(words)
    artefact(browser, f"{page}-{window}", **WINDOWS[window])

    assert faults(browser, axe) == []
    assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window"
    browser.run("0")
    assert browser.faults == []
    assert browser.hosts == {client.base_url.netloc.decode()}


def test_the_question_for_a_key_has_no_serious_fault(broker: Broker, browser: Browser, axe: str) -> None:
    _, key = new_key("read")
    save_key(broker, key)
    with serving(broker, ApiSettings(require_key=True)) as client:
        browser.open(str(client.base_url))
        browser.wait_for("This moodline asks for a key")
        assert faults(browser, axe) == []
        browser.open("about:blank")


def test_axe_notices_a_fault(browser: Browser, client: httpx.Client, axe: str) -> None:
    browser.open(f"{client.base_url}/webcam")
    browser.wait_for("Start camera")
    browser.run("document.querySelector('#start').textContent = ''")
    assert [fault["rule"] for fault in faults(browser, axe)] == ["button-name"]


@pytest.mark.usefixtures("two_streams")
def test_everything_is_reached_by_keyboard(client: httpx.Client, browser: Browser) -> None:
    browser.open(str(client.base_url))
    browser.wait_for("1 of 2 streams live")
    reached = []
    for _ in range(12):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.run("document.activeElement?.textContent?.trim().slice(0, 20) ?? ''"))
    for name in ("Skip to the content", "Streams", "Webcam", "door", "gate", "Changes", "Pause"):
        assert name in reached


def test_nothing_moves_for_whoever_asks_for_less(client: httpx.Client, browser: Browser) -> None:
    browser.open(f"{client.base_url}/webcam")
    wait_until(lambda: browser.run("!!document.querySelector('.probabilities')"), description="the page has begun")
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    moving = "getComputedStyle(document.querySelector('.probabilities .gauge i')).transitionDuration"
    wait_until(lambda: browser.run(moving) in {"0s", "0ms"}, description="no transition is left")
    browser.call("Emulation.setEmulatedMedia", features=[])
