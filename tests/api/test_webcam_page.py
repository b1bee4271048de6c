"""The page /webcam in a real Chromium, whose fake camera shows a happy face, in front of the whole of moodline."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.keys import PartitionKeys
from moodline.settings import ApiSettings
from moodline.streams import Ledger, stream_ids, stream_view
from tests.api.axe import serious_faults
from tests.api.browser import Browser, artefact, chromium
from tests.api.stage import serving
from tests.ingest.service import Ingest
from tests.support.brokers import client_of
from tests.support.judging import all_events
from tests.support.needs import command, shared
from tests.support.wait import wait_until
from tests.support.workers import start_worker

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
TO_640 = "scale=640:480:force_original_aspect_ratio=decrease,pad=640:480:(ow-iw)/2:(oh-ih)/2,format=yuv420p"
SLOW_S = 40

# Three workers load their model one after another, which on a busy machine takes its time.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake camera shows: a still of a happy face."""
    still, clip = shared("data/media/stills/faceapi_happy.jpg"), tmp_path_factory.mktemp("clip") / "happy.y4m"
    words = ["-v", "error", "-loop", "1", "-i", str(still), "-vf", TO_640, "-r", "10", "-t", "1", str(clip)]
    subprocess.run([command("ffmpeg"), *words], check=True, timeout=60)
    return clip


@pytest.fixture
def seal_key(broker: Broker) -> str:
    assert broker.settings.seal_key is not None
    return broker.settings.seal_key.get_secret_value()


@pytest.fixture
def site(broker: Broker, embedded_server: EmbeddedServer, seal_key: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """An API and an ingest, as they are beside a worker."""
    model, env = shared("models/face_detection_yunet_2023mar.onnx"), {"MOODLINE_SEAL_KEY": seal_key}
    webcam = {"id": "browser", "url": "browser:", "fps": 10, "detect_width": 320}
    with (
        serving(broker) as client,
        Ingest(tmp_path, redis_url=embedded_server.url, streams=[webcam], model=model, env=env),
    ):
        yield client


def open_page(browser: Browser, client: httpx.Client) -> None:
    browser.open(f"{client.base_url}/webcam")
    wait_until(
        lambda: browser.run("document.querySelector('#start')?.disabled") is False, description="the page has begun"
    )
    browser.run("document.querySelector('#start').click()")


def mood(browser: Browser) -> str:
    """Return what the page says of the largest face now."""
    return str(browser.run("document.querySelector('.face-view:not([hidden]) .mood')?.textContent ?? ''"))


def test_a_happy_face_is_shown_as_happy_and_a_worker_that_is_killed_loses_nothing(
    site: httpx.Client, broker: Broker, embedded_server: EmbeddedServer, seal_key: str, clip: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        first = start_worker(embedded_server, seal_key)
        stack.callback(first.end)
        first.wait_ready()
        camera = (*CAMERA, f"--use-file-for-fake-video-capture={clip}")
        browser = stack.enter_context(chromium(tmp_path / "profile", *camera))
        open_page(browser, site)
        wait_until(lambda: mood(browser).startswith("happy"), description="the face is happy", timeout=SLOW_S)
        wait_until(lambda: "ms" in browser.run("document.querySelector('#facts dd').textContent"), description="a time")
        assert drawn(browser)
        artefact(browser, "webcam")
        assert serious_faults(browser) == []

        second = start_worker(embedded_server, seal_key)
        stack.callback(second.end)
        second.wait_ready()
        first.end()
        check_nothing_is_lost(broker, since=ledger(broker).accepted)
        assert mood(browser).startswith("happy")

        second.end()
        wait_until(lambda: mood(browser) == "", description="nobody judges", timeout=SLOW_S)
        wait_until(lambda: "the worker is away" in browser.text(), description="the page says so", timeout=SLOW_S)
        third = start_worker(embedded_server, seal_key)
        stack.callback(third.end)
        third.wait_ready()
        wait_until(lambda: mood(browser).startswith("happy"), description="happy again", timeout=SLOW_S)
        # Nobody was there for longer than max_age: what grew too old meanwhile is counted, and nothing else is lost.
        assert {reason for reason, number in ledger(broker).dropped.items() if number} <= {"stale"}
        assert browser.hosts == {site.base_url.netloc.decode()}
        assert browser.faults == []

        browser.run("document.querySelector('#start').click()")
        wait_until(lambda: stream_ids(broker) == [], description="the stream is removed", timeout=SLOW_S)
    check_all_is_accounted_for(broker)


def ledger(broker: Broker) -> Ledger:
    view = stream_view(broker, "browser-1")
    assert view is not None
    assert view.ledger.balanced
    return view.ledger


def check_nothing_is_lost(broker: Broker, *, since: int) -> None:
    """Wait until what was accepted when the worker died, and as much again, has its events: none was dropped."""
    wait_until(lambda: ledger(broker).events >= since + 20, description="the other one goes on", timeout=SLOW_S)
    assert sum(ledger(broker).dropped.values()) == 0, ledger(broker)


def drawn(browser: Browser) -> bool:
    """Return whether something stands on the canvas over the video."""
    pixels = "const c = document.querySelector('#boxes'); c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
    return bool(browser.run(f"(() => {{ {pixels.replace('; c.', '; return c.')}.some((value) => value) }})()"))


def check_all_is_accounted_for(broker: Broker) -> None:
    totals = {name.decode(): value for name, value in client_of(broker).hgetall(state_key()).items()}
    removed = {name: int(totals[name]) for name in totals if name.startswith("removed:")}
    dropped = sum(number for name, number in removed.items() if ":dropped" in name)
    assert removed["removed:accepted"] == removed["removed:events"] + dropped > 0
    events = all_events(broker)
    assert removed["removed:events"] == sum(event.kind == "emotion" for event in events)
    assert {event.track for event in events if event.kind == "face_left"} == {event.track for event in events}


def state_key() -> str:
    return PartitionKeys(0).of_partition("state")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium that gives pages no camera; any other name leads here as well."""
    rules = "--host-resolver-rules=MAP moodline.test 127.0.0.1"
    with chromium(tmp_path_factory.mktemp("bare"), rules) as browser:
        yield browser


def test_no_camera_is_said(client: httpx.Client, bare: Browser) -> None:
    bare.call("Browser.setPermission", permission={"name": "camera"}, setting="granted")
    open_page(bare, client)
    bare.wait_for("There is no camera on this device: plug one in, and start again.")


def test_a_refused_camera_is_said(client: httpx.Client, tmp_path: Path) -> None:
    with chromium(tmp_path, CAMERA[0]) as browser:
        browser.call("Browser.setPermission", permission={"name": "camera"}, setting="denied")
        open_page(browser, client)
        browser.wait_for("The browser does not let this page use the camera")


def test_an_origin_that_is_not_safe_is_said(broker: Broker, bare: Browser) -> None:
    with serving(broker, ApiSettings(allowed_hosts=("moodline.test",))) as client:
        unsafe = httpx.Client(base_url=f"http://moodline.test:{client.base_url.port}")
        open_page(bare, unsafe)
        bare.wait_for("A browser gives the camera to safe pages alone")
        bare.open("about:blank")


def test_a_busy_moodline_is_said(broker: Broker, bare: Browser) -> None:
    with serving(broker, ApiSettings(max_webcams=0)) as client:
        open_page(bare, client)
        bare.wait_for("This moodline takes no webcams (api.max_webcams is 0).")
        bare.open("about:blank")
