"""The dashboard: one page, from this host alone, that shows in a real browser what the API knows."""

import re
import time
from collections.abc import Iterator

import httpx
import pytest

from api.routes.dashboard import STATIC
from moodline.access import new_key, save_key
from moodline.broker import Broker
from moodline.settings import ApiSettings
from tests.api.browser import Browser
from tests.api.stage import Scene, serving
from tests.support.wait import wait_until

SVG_NAMESPACE = "http://www.w3.org/2000/svg"


@pytest.mark.parametrize("path", ["/", "/streams/door"])
def test_the_page_forbids_whatever_is_not_its_own(client: httpx.Client, path: str) -> None:
    answer = client.get(path)

    assert answer.headers["content-type"].startswith("text/html")
    rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert {rules[kind] for kind in ("script-src", "style-src", "connect-src", "img-src")} == {"'self'"}
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_everything_the_page_names_is_served(client: httpx.Client) -> None:
    named = set(re.findall(r'(?:src|href)="(/[^"]+)"', client.get("/").text))
    for script in STATIC.glob("*.js"):
        named |= {f"/static/{name}" for name in re.findall(r"from '\./([^']+)'", script.read_text("utf-8"))}

    assert {path for path in named if client.get(path).status_code != 200} == set()


def test_nothing_comes_from_another_host() -> None:
    for file in STATIC.iterdir():
        named = re.findall(r"https?://[^\s\"']+", file.read_text(encoding="utf-8"))
        assert set(named) <= {SVG_NAMESPACE}, file.name


@pytest.fixture(autouse=True)
def _no_fault_in_the_browser(request: pytest.FixtureRequest) -> Iterator[None]:
    browser: Browser | None = request.getfixturevalue("browser") if "browser" in request.fixturenames else None
    yield
    if browser is not None:
        browser.run("0")  # its answer comes after whatever was said before
        assert browser.faults == []


def test_a_browser_shows_streams_and_what_is_wrong_with_them(
    client: httpx.Client, scene: Scene, browser: Browser
) -> None:
    scene.open("door")
    scene.see("door", "happy", "happy", "sad")
    scene.open("gate", "auth_failed")

    browser.open(str(client.base_url))

    browser.wait_for("1 of 2 streams live · 3 faces now")
    browser.wait_for("happy 67 %")
    browser.wait_for("password refused")
    browser.wait_for("3 events · none dropped · 0 queued")
    assert browser.hosts == {client.base_url.netloc.decode()}


def test_a_browser_shows_events_as_they_come(client: httpx.Client, scene: Scene, browser: Browser) -> None:
    scene.open("door")
    browser.open(str(client.base_url))
    browser.wait_for("connected")
    browser.wait_for("Events appear here as they come.")

    scene.see("door", "surprise")

    browser.wait_for("door #0 surprise 94 %")


def test_a_browser_shows_one_stream_and_finds_back_by_keyboard(
    client: httpx.Client, scene: Scene, browser: Browser
) -> None:
    scene.open("door")
    scene.see("door", "happy", at_ms=round(time.time() * 1000) - 60_000)
    scene.queue("door", 1)
    scene.drop("door")

    browser.open(f"{client.base_url}/streams/door")

    browser.wait_for("Latency, median 61 ms")
    browser.wait_for("dropped: poison")
    wait_until(
        lambda: browser.run("document.querySelectorAll('.area[data-emotion=happy]').length"),
        description="an area for happy faces",
    )
    browser.run("document.querySelector('.back a').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r" * (kind == "keyDown"))
    wait_until(lambda: browser.run("location.pathname") == "/", description="the first page")
    browser.wait_for("1 of 1 stream live")


def test_a_browser_says_what_to_do_where_there_is_no_stream(client: httpx.Client, browser: Browser) -> None:
    browser.open(str(client.base_url))

    browser.wait_for("No stream yet")
    browser.wait_for("moodline up --source")


def test_a_browser_shows_a_stream_that_comes_after_its_page(
    client: httpx.Client, scene: Scene, browser: Browser
) -> None:
    browser.open(f"{client.base_url}/streams/door")
    browser.wait_for("There is no stream of this name yet.")

    scene.open("door")

    browser.wait_for("5.0 frames/s, last frame")
    browser.wait_for("connected")
    scene.see("door", "happy")
    browser.wait_for("face 0 happy 94 %")
    browser.open("about:blank")  # leaves its reports of answers 404 behind


def test_a_browser_says_that_the_api_is_away(broker: Broker, scene: Scene, browser: Browser) -> None:
    scene.open("door")
    with serving(broker) as client:
        browser.open(str(client.base_url))
        browser.wait_for("connected")

    browser.wait_for("offline")
    browser.wait_for("moodline does not answer")
    browser.open("about:blank")  # leaves its reports of refused connections behind


def test_a_browser_asks_for_a_key_once_and_goes_on_with_it(broker: Broker, scene: Scene, browser: Browser) -> None:
    scene.open("door")
    text, key = new_key("read")
    save_key(broker, key)
    with serving(broker, ApiSettings(require_key=True)) as client:
        browser.open(str(client.base_url))
        browser.wait_for("This moodline asks for a key")
        enter(browser, "wrong")
        browser.wait_for("This key is not known here")
        enter(browser, text)
        browser.wait_for("connected")
        assert "asks for a key" not in browser.text()
        scene.see("door", "surprise")
        browser.wait_for("door #0 surprise 94 %")

        browser.faults.clear()  # Chromium calls each 401 an error
        browser.call("Page.reload")
        browser.wait_for("1 of 1 stream live")
        assert browser.run("document.querySelector('dialog')") is None
        assert text not in browser.run("location.href")
        browser.run("sessionStorage.clear()")


def test_who_gives_no_key_is_asked_again_only_where_another_key_would_help(broker: Broker, browser: Browser) -> None:
    ask = "import('/static/client.js').then((client) => client.send({0!r}, '/v1/streams')).catch((no) => no.message)"
    refuse = "window.fetch = async () => new Response(JSON.stringify({{ detail: {0!r} }}), {{ status: 403 }})"
    with serving(broker, ApiSettings(require_key=True)) as client:
        browser.open(str(client.base_url))
        browser.wait_for("This moodline asks for a key")
        browser.call("Input.dispatchKeyEvent", type="keyDown", key="Escape", code="Escape", windowsVirtualKeyCode=27)
        browser.wait_for("send one as 'Authorization: Bearer KEY'")
        assert "asks for a key" in browser.run(ask.format("GET"))
        assert browser.run("document.querySelector('dialog')") is None

        browser.run(refuse.format("This source is not allowed."))
        assert browser.run(ask.format("PATCH")) == "This source is not allowed."
        browser.run(refuse.format("This key may read."))
        browser.run(f"window.answer = {ask.format('PATCH')}; 0")
        browser.wait_for("This key may read.")
        browser.run("document.querySelector('dialog button[type=button]').click()")
        assert browser.run("window.answer") == "This key may read."
    browser.open("about:blank")
    browser.faults.clear()  # Chromium calls each 401 an error


def enter(browser: Browser, key: str) -> None:
    """Type a key and press Enter."""
    browser.run(f"document.querySelector('#key').value = {key!r}")
    browser.run("document.querySelector('dialog form').requestSubmit()")
