"""Connections: those that stand still are closed, there are so many and no more, and what is no HTTP is told so."""

import logging
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

import api.connections
from api.connections import BACKLOG, most_connections
from api.middleware import SECURITY_HEADERS
from moodline.broker import Broker
from moodline.settings import ApiSettings
from tests.api import ws
from tests.api.stage import serving
from tests.api.test_access import make_key
from tests.support.wait import wait_until

HALF = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Never"
OPENING = (
    b"GET /v1/events/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@contextmanager
def connected(client: httpx.Client, sent: bytes = b"") -> Iterator[socket.socket]:
    address = (client.base_url.host, client.base_url.port or 0)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(sent)
        yield connection


def said_to(client: httpx.Client, sent: bytes) -> httpx.Response:
    """Return what is answered before the server closes."""
    with connected(client, sent) as connection, connection.makefile("rb") as said:
        head, _, body = said.read().partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)


def check_problem(answer: httpx.Response, status: int) -> str:
    """Return the sentence of a problem that has the headers of every answer."""
    problem = answer.json()
    assert answer.status_code == problem["status"] == status, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert all(answer.headers[name] == value for name, value in SECURITY_HEADERS.items())
    assert answer.headers.get("cache-control") == "no-store" or problem["instance"].startswith("/static")
    return str(problem["detail"])


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", HALF, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + HALF])
def test_a_request_that_never_becomes_whole_is_closed(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(api.connections, "REQUEST_S", 0.3)
    with serving(broker) as client, connected(client, sent) as half:

        def closed_although_it_goes_on() -> bool:
            try:
                half.send(b"x")
            except OSError:
                return True
            return False

        wait_until(closed_although_it_goes_on, description="the half request is closed")
        assert client.get("/healthz").status_code == 200


def test_a_subscriber_who_waits_for_an_event_stays(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.connections, "REQUEST_S", 0.0)
    with serving(broker) as client, ws.live(client), connected(client) as idle:
        wait_until(lambda: is_closed(idle), description="who asks nothing is closed")
        assert "moodline_subscribers 1.0" in client.get("/metrics").text


def test_who_comes_last_takes_the_place_of_who_waits_longest(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.connections, "MOST_WAITING", 4)
    with serving(broker, ApiSettings(max_subscribers=1)) as client, ExitStack() as stack:
        halves = [stack.enter_context(connected(client, HALF)) for _ in range(20)]
        assert client.get("/healthz").status_code == 200
        wait_until(lambda: sum(map(is_closed, halves)) >= 15, description="the first are closed")
        assert is_closed(halves[0])


def test_nobody_who_is_served_gives_up_a_place(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.connections, "MOST_WAITING", -1)
    with serving(broker, ApiSettings(max_subscribers=2)) as client, ws.live(client):
        answer = said_to(client, b"")
        assert answer.status_code == 503
        assert answer.json()["detail"] == "All 1 connections are in use; come again later."
        assert int(answer.headers["retry-after"]) > 0


def test_the_limit_of_open_files_is_raised_as_far_as_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    for limits, most in (((256, 1024), 1024 - BACKLOG - 128), ((1024, resource.RLIM_INFINITY), 4296)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        assert most_connections(200) == most
        assert set_to.pop() == (most + BACKLOG + 128, limits[1])
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100_000, 100_000))
    assert most_connections(200) == 4296
    assert not set_to


@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [
        (b"HELO moodline\r\n\r\n", 400, "This is no HTTP/1.1 request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "This is no HTTP/1.1 request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "This is no HTTP/1.1 request"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 400, "This is no HTTP/1.1 request"),
        (OPENING.replace(b": 13", b": 12"), 400, "This opens no WebSocket"),
        (OPENING.replace(b"dGhl", b""), 400, "This opens no WebSocket"),
        (OPENING.replace(b"GET", b"POST"), 405, "This opens no WebSocket"),
        (OPENING.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"), 400, "This opens no WebSocket"),
    ],
)
def test_what_cannot_be_read_is_told_as_a_problem(
    client: httpx.Client, sent: bytes, status: int, sentence: str
) -> None:
    answer = said_to(client, sent)

    assert check_problem(answer, status).startswith(sentence)


def test_rubbish_after_an_answer_is_no_fault_of_the_server(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    sent = b"POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(client, sent) as connection:
        assert connection.recv(12) == b"HTTP/1.1 405"
        connection.sendall(b"rubbish\r\n\r\n")
        while connection.recv(4096):
            pass
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/v1/events/ws", "X-Nothing: 1", 401),
        ("/v1/events/ws", "Origin: https://evil.test", 403),
        ("/static/app.js", "X-Nothing: 1", 404),
        ("/v1/nowhere", "Authorization: Bearer {key}", 404),
        ("/v1/streams", "Authorization: Bearer {key}", 404),
        ("/v1/events/ws?stream=attic", "Authorization: Bearer {key}", 404),
        ("/v1/events/ws?kind=smile", "Authorization: Bearer {key}", 422),
    ],
)
def test_a_refused_websocket_has_the_headers_of_every_answer_and_is_no_fault_of_the_server(
    broker: Broker, path: str, header: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    more = f"\r\n{header.format(key=make_key(broker, 'read'))}\r\n\r\n".encode()
    sent = OPENING.replace(b"/v1/events/ws", path.encode()).replace(b"\r\n\r\n", more)
    with serving(broker, ApiSettings(require_key=True)) as client:
        check_problem(said_to(client, sent), status)
    assert not [record for record in caplog.records if record.levelno > logging.WARNING]
