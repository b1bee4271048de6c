"""The images' health check, against a real HTTP server."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.support.repository import ROOT


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else 503)
        self.end_headers()
        self.wfile.write(b"moodline_worker_ready 1.0\n")

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server() -> Iterator[str]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


def healthy(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "deploy/healthy.py", *arguments], capture_output=True, text=True, check=False
    )


def test_a_service_that_answers_is_healthy(server: str) -> None:
    assert healthy(f"{server}/metrics").returncode == 0
    assert healthy(f"{server}/metrics", "moodline_worker_ready 1.0").returncode == 0


def test_one_that_answers_without_the_line_is_not(server: str) -> None:
    done = healthy(f"{server}/metrics", "moodline_worker_ready 2.0")

    assert done.returncode == 1
    assert "without the line 'moodline_worker_ready 2.0'" in done.stderr


def test_one_that_answers_with_an_error_is_not(server: str) -> None:
    done = healthy(f"{server}/readyz")

    assert done.returncode == 1
    assert "503" in done.stderr


def test_one_that_is_not_there_is_not() -> None:
    done = healthy("http://127.0.0.1:9/metrics")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_wrong_usage_is_told() -> None:
    assert healthy().returncode == 2
    assert healthy("file:///etc/passwd").returncode == 2
