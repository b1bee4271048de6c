"""Browsers' webcams: ingest reads those that send, and takes out of the list what is over."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from ingest.sources.browser import decode
from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.keys import PartitionKeys
from moodline.sealing import Sealer, new_key
from moodline.streams import stream_ids
from moodline.webcams import claim_webcam, end_webcam, send_picture
from tests.ingest.service import Ingest, accepted, status, wait_for_state
from tests.support.brokers import client_of
from tests.support.judging import all_events, commit_all, take_one, work_queue
from tests.support.needs import shared
from tests.support.wait import wait_until

WEBCAM = {"id": "browser", "url": "browser:", "fps": 30, "detect_width": 320, "max_age": "60s"}


@pytest.fixture(scope="module")
def happy() -> bytes:
    """A happy face as a browser would send it."""
    picture = cv2.imread(str(shared("data/media/stills/faceapi_happy.jpg")))
    assert picture is not None
    return cv2.imencode(".jpg", cv2.resize(picture, (640, 360)))[1].tobytes()


@pytest.fixture
def ingest(broker: Broker, embedded_server: EmbeddedServer, tmp_path: Path, yunet_model: Path) -> Iterator[Ingest]:
    key = broker.settings.seal_key
    assert key is not None
    with Ingest(
        tmp_path,
        redis_url=embedded_server.url,
        streams=[WEBCAM],
        model=yunet_model,
        env={"MOODLINE_SEAL_KEY": key.get_secret_value()},
        ingest={"reader_lease": "1s"},
    ) as running:
        yield running


class Page:
    """A page that sends the same picture whenever it is asked to."""

    def __init__(self, broker: Broker, jpeg: bytes) -> None:
        self._broker, self._jpeg = broker, jpeg
        self.stream = claim_webcam(broker, "browser")
        self._number = 0

    def send(self) -> None:
        self._number += 1
        send_picture(self._broker, self._broker.sealer(), self.stream, self._number, self._jpeg)

    def sends_until_accepted(self, crops: int) -> bool:
        self.send()
        return accepted(self._broker, self.stream) >= crops


def work_off(broker: Broker, stream: str) -> int:
    """Judge what waits as a worker would, and let go whom nobody sees any more."""
    queue, done = work_queue(broker, stream=stream), 0
    while taken := take_one(queue):
        done += commit_all(broker, queue, taken)
    queue.sweep()
    return done


def test_a_webcam_is_a_stream_while_it_sends_and_leaves_nothing_but_events(
    ingest: Ingest, broker: Broker, happy: bytes
) -> None:
    page = Page(broker, happy)
    wait_until(lambda: page.sends_until_accepted(3), description="three faces", timeout=30, interval=0.1)
    found = wait_for_state(broker, page.stream, "live")
    assert (found.width, found.height, found.source) == (640, 360, "browser:")

    end_webcam(broker, page.stream)
    judged = work_off(broker, page.stream)

    def gone() -> bool:
        nonlocal judged
        judged += work_off(broker, page.stream)
        return stream_ids(broker) == []

    wait_until(gone, description="the stream is removed", timeout=20, interval=0.1)
    kinds = [event.kind for event in all_events(broker) if event.stream == page.stream]
    assert kinds.count("face_entered") == kinds.count("face_left") == 1
    assert kinds.count("emotion") == judged
    left = [name.decode() for name in client_of(broker).scan_iter(match=f"*{page.stream}*")]
    assert left == []
    totals = client_of(broker).hgetall(PartitionKeys(0).of_partition("state"))
    assert int(totals[b"removed:accepted"]) == int(totals[b"removed:events"]) == judged
    assert 'stream="browser"' in str(ingest.metrics())
    assert page.stream not in str(ingest.metrics())


@pytest.mark.usefixtures("ingest")
def test_a_page_that_vanishes_without_a_word_is_over(broker: Broker, happy: bytes) -> None:
    page = Page(broker, happy)
    wait_until(lambda: page.sends_until_accepted(1), description="a face", timeout=30, interval=0.1)
    key = broker.keys_of(page.stream).of_stream("webcam", page.stream)
    assert client_of(broker).pttl(key) > 0
    client_of(broker).delete(key)  # what time does five seconds after the last picture

    def gone() -> bool:
        work_off(broker, page.stream)
        return stream_ids(broker) == []

    wait_until(gone, description="the stream is removed", timeout=20, interval=0.1)


def test_ingest_that_was_killed_reads_on_and_tidies_up(
    ingest: Ingest, broker: Broker, happy: bytes, tmp_path: Path
) -> None:
    page = Page(broker, happy)
    wait_until(lambda: page.sends_until_accepted(1), description="a face", timeout=30, interval=0.1)
    ingest.process.kill()
    ingest.wait()
    seen = accepted(broker, page.stream)
    end_webcam(broker, page.stream)
    again = Ingest(
        tmp_path,
        redis_url=str(broker.settings.url.get_secret_value() if broker.settings.url else ""),
        streams=[WEBCAM],
        model=shared("models/face_detection_yunet_2023mar.onnx"),
        ingest={"reader_lease": "1s"},
    )

    def gone() -> bool:
        work_off(broker, page.stream)
        return stream_ids(broker) == []

    with again:
        wait_until(gone, description="what the dead one left is removed", timeout=30, interval=0.1)
    assert seen >= 1


@pytest.mark.usefixtures("ingest")
def test_pictures_that_cannot_be_opened_are_told(broker: Broker, happy: bytes) -> None:
    stream = claim_webcam(broker, "browser")
    other = Sealer(new_key())

    def told() -> bool:
        send_picture(broker, other, stream, 1, happy)
        found = status(broker, stream)
        return found is not None and "sealed with another key" in found.sentence

    wait_until(told, description="the stream says what is wrong", timeout=30, interval=0.1)


def test_what_is_no_picture_is_none() -> None:
    assert decode(b"no picture") is None
