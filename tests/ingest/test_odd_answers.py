"""Servers that answer something else than a camera: told as what it is, and never shown as it came."""

from functools import partial
from typing import Any

import pytest

from ingest.sources.base import SourceFailure, Unreachable, Unsupported
from ingest.sources.http_answer import http_answer
from ingest.sources.network import NetworkCamera
from ingest.sources.video_capture import Timeouts
from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.streams import StreamStatus
from tests.cli.running import moodline
from tests.ingest.service import status
from tests.support.odd_server import odd_server
from tests.support.rtsp_server import RtspServer
from tests.support.wait import wait_until

EVIL = b"\x1b[2J\x1b[31mEVIL\x07 a line that nobody wrote\r\n\r\n"
PARTS = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=f\r\n\r\n"


def test_an_answer_that_is_no_http_is_told_and_writes_nothing_on_terminals(
    run: Any, broker: Broker, embedded_server: EmbeddedServer
) -> None:
    with odd_server(EVIL) as port:
        url = f"http://127.0.0.1:{port}"
        with run({"cam": f"{url}/cam", "film": f"{url}/film.mp4"}) as ingest:
            for name in ("cam", "film"):
                wait_until(partial(_is_told, broker, name), description=f"{name} is told", timeout=40)
            listed = moodline("streams", env={"REDIS_URL": embedded_server.url}).stdout
            shown = ingest.log() + listed + str([status(broker, name) for name in ("cam", "film")])
    assert "Traceback" not in shown
    assert "\x1b" not in shown
    assert "EVIL" not in shown


def _is_told(broker: Broker, stream: str) -> bool:
    found = status(broker, stream)
    return found is not None and "trying again" in found.sentence


def test_an_answer_that_is_no_http_is_a_word_of_the_diagnosis() -> None:
    with odd_server(EVIL) as port:
        lines = http_answer(f"http://127.0.0.1:{port}/cam", timeout_s=20)
    assert lines == ["Invalid data: the server's answer is no HTTP"]


def test_no_sentence_holds_control_characters_or_a_second_line() -> None:
    kept = StreamStatus("stalled", f"It says {EVIL.decode()}\nforged \u202eline\x9b1m", "rtsp://cam", "live").to_json()
    sentence = StreamStatus.from_json(kept).sentence
    assert sentence.isprintable()
    assert "EVIL" in sentence


@pytest.mark.parametrize(
    ("answer", "endless", "kind", "words"),
    [
        (b"HTTP/1.0 405 No\r\n\r\n", b"", Unsupported, "refuses with 405 Method Not Allowed"),
        (b"HTTP/1.0 429 No\r\n\r\n", b"", Unreachable, "refuses with 429 Too Many Requests"),
        (PARTS, bytes(range(256)) * 16, Unsupported, "no video that FFmpeg can decode"),
    ],
)
def test_a_web_server_that_is_no_camera_is_told_apart(
    answer: bytes, endless: bytes, kind: type[SourceFailure], words: str
) -> None:
    with odd_server(answer, endless=endless) as port:
        camera = NetworkCamera(f"http://127.0.0.1:{port}/cam", timeouts=Timeouts(3, 3))
        with pytest.raises(kind, match=words):
            camera.open()


@pytest.mark.parametrize("launch", ["audiotestsrc is-live=true ! alawenc ! rtppcmapay", "videotestsrc ! rtpgstpay"])
def test_a_camera_without_a_video_that_can_be_read_is_unsupported(launch: str) -> None:
    with RtspServer(launch) as server:
        camera = NetworkCamera(server.url(), timeouts=Timeouts(10, 5))
        with pytest.raises(Unsupported, match="answers, but shows no video that FFmpeg can read"):
            camera.open()
