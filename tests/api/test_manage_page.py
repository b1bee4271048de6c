"""The dashboard's form for new streams, and the buttons of those that were added."""

import httpx

from moodline.access import new_key, save_key
from moodline.broker import Broker
from moodline.declared import declared_streams
from moodline.settings import ApiSettings
from tests.api.browser import Browser
from tests.api.stage import Scene, serving
from tests.support.wait import wait_until


def fill_in(browser: Browser, stream: str, url: str) -> None:
    browser.run("document.querySelector('.manage').open = true")
    browser.run(f"document.querySelector('#new-id').value = {stream!r}")
    browser.run(f"document.querySelector('#new-url').value = {url!r}")
    browser.run("document.querySelector('.manage form').requestSubmit()")


def press(browser: Browser, button: str) -> None:
    shown = "[...document.querySelectorAll('.actions:not([hidden]) button')]"
    script = f"{shown}.find((one) => one.textContent === {button!r}).click()"
    browser.run(script)


def test_a_stream_is_added_paused_and_removed_by_hand(
    client: httpx.Client, scene: Scene, broker: Broker, browser: Browser
) -> None:
    scene.open("gate")
    browser.open(str(client.base_url))
    browser.wait_for("Add a stream")

    fill_in(browser, "door", "rtsp://camera.test/1")
    browser.wait_for("The source rtsp://camera.test is not allowed here")
    browser.faults.clear()  # Chromium calls a refusal an error
    fill_in(browser, "door", "demo")
    browser.wait_for("No ingest host has begun to read it yet.")
    shown = "document.querySelectorAll('.actions:not([hidden])').length"
    assert browser.run(shown) == 1, "the other one is not to be changed here"

    press(browser, "Pause")
    browser.wait_for("It is paused: enabled is false.")
    assert not declared_streams(broker)["door"].enabled
    press(browser, "Resume")
    browser.wait_for("No ingest host has begun to read it yet.")
    browser.run("window.confirm = () => true")
    press(browser, "Remove")
    wait_until(lambda: browser.run(shown) == 0, description="its card is gone")
    assert declared_streams(broker) == {}
    assert browser.faults == []


def test_a_key_opens_the_metrics_and_one_that_may_only_read_is_asked_to_be_another(
    broker: Broker, scene: Scene, browser: Browser
) -> None:
    scene.open("gate")
    (reading, read), (writing, write) = new_key("read"), new_key("write")
    save_key(broker, read)
    save_key(broker, write)
    with serving(broker, ApiSettings(require_key=True)) as client:
        browser.open(str(client.base_url))
        browser.wait_for("This moodline asks for a key")
        browser.run(f"sessionStorage.setItem('moodline-key', {reading!r})")
        browser.call("Page.reload")
        browser.wait_for("1 of 1 stream live")
        browser.run("HTMLAnchorElement.prototype.click = function () { window.saved = this.download }")
        browser.run("document.querySelector('#metrics').dispatchEvent(new Event('click', { cancelable: true }))")
        wait_until(lambda: browser.run("window.saved") == "metrics.txt", description="the metrics are fetched")
        fill_in(browser, "door", "demo")
        browser.wait_for("This key may read, and this needs one that may write.")
        browser.run(f"document.querySelector('#key').value = {writing!r}")
        browser.run("document.querySelector('dialog form').requestSubmit()")
        browser.wait_for("No ingest host has begun to read it yet.")
        browser.run("sessionStorage.clear()")
