"""A camera is back within five seconds after its server is, with the settings that moodline ships."""

import socket
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.sources import knock as knocking
from moodline.broker import Broker
from moodline.settings import IngestSettings
from tests.ingest.service import accepted, status, wait_for_state
from tests.support.http_video import HttpVideo
from tests.support.proxy import Proxy
from tests.support.rtsp_server import RtspServer
from tests.support.wait import on_an_idle_machine, wait_until

RECOVERED_S = 5.0
CONNECTING_S = 1.0
SILENT = "gave no answer in 5 s"


def test_the_settings_leave_a_second_to_connect() -> None:
    """A server may be back at any moment: while a dead connection is read, between two tries, or during one."""
    shipped = IngestSettings()
    longest = max(shipped.read_timeout, shipped.backoff_max) + timedelta(seconds=knocking._AGAIN_S)
    assert longest.total_seconds() + CONNECTING_S <= RECOVERED_S


def test_a_server_that_took_connections_and_was_mute_is_read_soon_after_it_answers(
    run: Any, broker: Broker, server: RtspServer
) -> None:
    with Proxy(server.port) as proxy:
        proxy.swallow()
        url = f"rtsp://127.0.0.1:{proxy.port}/cam"
        with run({"cam": url}):
            wait_until(lambda: says(broker, SILENT), description="it is mute", timeout=40)
            proxy.swallows = False
            wait_for_faces(broker)
            proxy.swallow()
            wait_for_state(broker, "cam", "stalled", timeout=15)
            wait_until(lambda: says(broker, SILENT), description="it is mute again", timeout=40)
            proxy.swallows = False
            wait_for_faces(broker)


def test_a_server_that_was_frozen_is_read_soon_after_it_goes_on(run: Any, broker: Broker, server: RtspServer) -> None:
    with run({"cam": server.url()}):
        wait_for_state(broker, "cam", "live", timeout=40)
        server.freeze()
        wait_until(lambda: says(broker, SILENT), description="it is mute", timeout=40)
        server.thaw()
        wait_for_faces(broker)


def says(broker: Broker, words: str) -> bool:
    found = status(broker, "cam")
    return found is not None and words in found.sentence


def wait_for_faces(broker: Broker) -> None:
    seen, again = accepted(broker, "cam"), on_an_idle_machine(RECOVERED_S)
    wait_until(lambda: accepted(broker, "cam") > seen, description="faces", timeout=again)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_server_that_answers_is_found_by_the_next_knock(scheme: str, server: RtspServer, tmp_path: Path) -> None:
    with HttpVideo(tmp_path) as web, Proxy(server.port if scheme == "rtsp" else web.port) as proxy:
        url = f"{scheme}://me:pass@127.0.0.1:{proxy.port}/cam?a=b"
        assert knocking.knock(url, within_s=5) == "answers"
        assert knocking.knock(url.replace(scheme, f"{scheme}s"), within_s=5) == "answers", "TLS: it takes connections"
        proxy.swallow()
        assert knocking.knock(url, within_s=0.7) == "silent"
        threading.Timer(0.2, setattr, (proxy, "swallows", False)).start()
        assert knocking.knock(url, within_s=20) == "answers", "over a connection that was made later"
    assert knocking.knock(url, within_s=5) == "closed"


def test_a_web_server_that_passes_over_what_it_does_not_know_is_asked_otherwise() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer_the_second, args=(listening,), daemon=True).start()
        assert knocking.knock(f"http://127.0.0.1:{listening.getsockname()[1]}/cam", within_s=20) == "answers"


def answer_the_second(listening: socket.socket) -> None:
    with listening.accept()[0] as first, listening.accept()[0] as second:
        assert first.recv(4096).startswith(b"HEAD /cam")
        assert second.recv(4096).startswith(b"GET /cam")
        second.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        first.recv(1)
