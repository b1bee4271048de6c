"""The live picture on a stream's page, in Chromium before a running ingest: off, then blurred, with boxes over it."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.api.axe import serious_faults
from tests.api.browser import Browser, artefact, chromium
from tests.api.stage import serving
from tests.ingest.service import Ingest
from tests.support.judging import all_events
from tests.support.needs import shared
from tests.support.wait import wait_until
from tests.support.workers import start_worker

SLOW_S = 60
BUTTON = "document.querySelector('[aria-labelledby=preview-title] button')"
# Mean difference between neighbouring pixels in the inner part of the box: what a face's features make of it.
DETAIL = """((box) => {
  const canvas = document.querySelector('.stage canvas[role=img]');
  const scale = canvas.width / box.frame_width;
  const [x, y, width, height] = [box.x + box.width / 5, box.y + box.height / 5, box.width * .6, box.height * .6]
    .map((one) => Math.round(one * scale));
  const { data } = canvas.getContext('2d').getImageData(x, y, width, height);
  let sum = 0;
  for (let at = 4; at < data.length; at += 4) sum += Math.abs(data[at] - data[at - 4]);
  return sum / (data.length / 4);
})"""
DRAWN = """(() => {
  const canvas = document.querySelector('.stage canvas[aria-hidden]');
  return canvas.width > 0 && canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
})()"""


@pytest.fixture
def site(broker: Broker, embedded_server: EmbeddedServer, tmp_path: Path) -> Iterator[httpx.Client]:
    """The same camera three times: with a blurred preview, with a clear one, and as it is where nobody asked."""
    assert broker.settings.seal_key is not None
    key, model = broker.settings.seal_key.get_secret_value(), shared("models/face_detection_yunet_2023mar.onnx")
    streams = [{"id": mode, "url": "demo", "fps": 5, "preview": mode} for mode in ("blurred", "clear")]
    streams.append({"id": "unasked", "url": "demo", "fps": 5})
    worker = start_worker(embedded_server, key, module="tests.support.null_worker")
    try:
        with (
            serving(broker) as client,
            Ingest(
                tmp_path,
                redis_url=embedded_server.url,
                streams=streams,
                model=model,
                env={"MOODLINE_SEAL_KEY": key},
            ),
        ):
            yield client
    finally:
        worker.end()


def detail(browser: Browser, client: httpx.Client, broker: Broker, stream: str) -> float:
    """Open a stream's page, ask for its picture, and return how much of a face is to be seen in it."""
    browser.open(f"{client.base_url}/streams/{stream}")
    wait_until(lambda: browser.run(f"{BUTTON}?.offsetParent != null"), description="the picture is offered")
    assert browser.run("document.querySelector('.stage').hidden"), "off until it is asked for"
    browser.run(f"{BUTTON}.click()")
    wait_until(lambda: browser.run("!document.querySelector('.stage').hidden"), description="a picture", timeout=SLOW_S)
    wait_until(lambda: browser.run(DRAWN), description="boxes are drawn over it", timeout=SLOW_S)
    event = next(event for event in reversed(all_events(broker)) if event.stream == stream)
    return float(browser.run(f"{DETAIL}({json.dumps(event.box.model_dump())})"))


def test_the_picture_is_shown_when_asked_for_blurred_and_with_boxes(
    site: httpx.Client, broker: Broker, tmp_path: Path
) -> None:
    with chromium(tmp_path / "profile") as browser:
        wait_until(
            lambda: {event.stream for event in all_events(broker)} >= {"blurred", "clear", "unasked"},
            description="all have events",
            timeout=SLOW_S,
        )
        sharp = detail(browser, site, broker, "clear")
        blurred = detail(browser, site, broker, "blurred")
        artefact(browser, "preview", width=1120, height=1130)

        assert blurred < 0.5 * sharp
        assert "Faces are blurred." in browser.text()
        assert serious_faults(browser) == []
        browser.run(f"{BUTTON}.click()")
        assert browser.run("document.querySelector('.stage').hidden")

        browser.open(f"{site.base_url}/streams/unasked")
        browser.wait_for("Latency, median")
        assert not browser.run(f"{BUTTON}?.offsetParent != null"), "off by default"
        assert browser.faults == []
        assert browser.hosts == {site.base_url.netloc.decode()}
