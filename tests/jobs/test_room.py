"""Room for uploads: asked for before a byte is read, kept for those under way, given back by those that stand still."""

import errno
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from moodline.settings import JobSettings
from tests.api.stage import serving
from tests.support.brokers import broker_on
from tests.support.recordings import Running
from tests.support.wait import wait_until

Serve = Callable[..., httpx.Client]


@pytest.fixture
def serve(running: Running, tmp_path: Path) -> Iterator[Serve]:
    """Serve an API with a folder of its own; what it took is taken back at the end."""
    with ExitStack() as stack:

        def serve(**settings: Any) -> httpx.Client:
            broker = broker_on(running.server)
            stack.callback(broker.close)
            client = stack.enter_context(serving(broker, jobs=JobSettings(folder=tmp_path / "jobs", **settings)))
            stack.callback(take_back, client)
            return client

        yield serve


def take_back(client: httpx.Client) -> None:
    for analysis in client.get("/v1/analyses").json()["analyses"]:
        client.delete(f"/v1/analyses/{analysis['id']}")


def hand_in(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/analyses", files={"video": ("a.mp4", b"abc")})


@contextmanager
def begun(client: httpx.Client, announced: int) -> Iterator[socket.socket]:
    """Begin an upload and send nothing of its video."""
    head = b'--b\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    asked = (
        f"POST /v1/analyses HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {announced}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    address = (client.base_url.host, client.base_url.port or 80)
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(asked.encode() + head)
        yield connection


def answer_of(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Return the status and the problem that come while the body is still on its way."""
    said = b""
    while not said.endswith(b"}"):
        said += connection.recv(4096)
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def folders(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "jobs").glob("*"))


def announced(tmp_path: Path) -> bool:
    return any(video.stat().st_size for video in tmp_path.glob("jobs/*/video"))


@pytest.mark.parametrize("apis", [1, 2])
def test_what_is_announced_counts_before_it_is_there(serve: Serve, tmp_path: Path, apis: int) -> None:
    """Several APIs that share the folder count each other's uploads."""
    clients = [serve(max_folder=100_000) for _ in range(apis)]

    with begun(clients[0], 99_900):
        wait_until(lambda: announced(tmp_path), description="the first upload has begun")
        refused = hand_in(clients[-1])
    wait_until(lambda: not folders(tmp_path), description="the first upload is given up")

    assert refused.status_code == 507, refused.text
    assert hand_in(clients[-1]).status_code == 202
    assert [video.stat().st_size for video in tmp_path.glob("jobs/*/video")] == [3]


def test_an_upload_that_stands_still_is_given_up(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.limits.STALLED_S", 0.3)
    client = serve()

    with begun(client, 5000) as connection:
        status, problem = answer_of(connection)

    assert (status, problem["title"]) == (408, "Request Timeout")
    assert folders(tmp_path) == []


def test_nothing_is_read_where_too_many_wait(serve: Serve) -> None:
    client = serve(max_waiting=1)
    assert hand_in(client).status_code == 202

    with begun(client, 1_000_000) as connection:
        status, problem = answer_of(connection)

    assert status == 503
    assert "jobs.max_waiting" in problem["detail"]


def test_a_full_disk_is_told(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_form: object, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("api.uploads._Form._take", full)

    answer = hand_in(serve())

    assert answer.status_code == 507, answer.text
    assert answer.json()["detail"].startswith("The disk of jobs.folder is full")
    assert folders(tmp_path) == []


def test_a_video_that_is_named_needs_room_for_its_results(serve: Serve, tmp_path: Path) -> None:
    for file in ("jobs/old", "films/film.mp4"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_bytes(b"0" * 2000)
    client = serve(max_folder=1000, recordings=tmp_path / "films")

    assert client.post("/v1/analyses", json={"path": "film.mp4"}).status_code == 507
