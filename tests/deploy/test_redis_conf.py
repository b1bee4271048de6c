"""The compose file's own redis command, run as a local process on a real server."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import redis
import yaml
from redis.backoff import NoBackoff
from redis.retry import Retry

from moodline.broker import connect
from moodline.doctor.server import look_at_redis
from moodline.purge import purge
from moodline.sealing import new_key
from moodline.settings import RedisSettings
from tests.support.brokers import SERVERS, server_binary
from tests.support.repository import ROOT
from tests.support.wait import wait_until

PASSWORD = "throwaway123"
IN_THE_IMAGE = "/etc/valkey/redis.conf"


def local_configuration(folder: Path) -> Path:
    """Return redis.conf with the image's folder replaced, and a socket in place of the port."""
    text = (ROOT / "deploy/redis/redis.conf").read_text(encoding="utf-8")
    local = folder / "redis.conf"
    local.write_text(
        text.replace("dir /data", f"dir {folder}") + f"port 0\nunixsocket {folder}/socket\n", encoding="utf-8"
    )
    return local


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    shell, option, script = services["redis"]["command"]
    script = script.replace(IN_THE_IMAGE, str(local_configuration(tmp_path))).replace("$$", "$")
    (tmp_path / "valkey-server").symlink_to(server_binary(request.param))
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REDISCLI_AUTH": PASSWORD}
    log = (tmp_path / "log").open("wb")
    with log, subprocess.Popen([shell, option, script], env=environment, stdout=log) as process:
        wait_until((tmp_path / "socket").exists, description="the server listens")
        yield process
        process.kill()


def client(folder: Path, password: str | None) -> redis.Redis:
    # Without retries: a refused password stays refused.
    return redis.Redis(unix_socket_path=str(folder / "socket"), password=password, retry=Retry(NoBackoff(), 0))


@pytest.mark.usefixtures("server")
def test_it_keeps_what_it_accepted_and_evicts_nothing(tmp_path: Path) -> None:
    with client(tmp_path, PASSWORD) as connection:
        found = connection.info("everything")

    assert found["maxmemory_policy"] == "noeviction"
    assert found["maxmemory"] > 0
    assert found["aof_enabled"] == 1


@pytest.mark.usefixtures("server")
def test_who_has_the_password_can_neither_empty_it_nor_change_it(tmp_path: Path) -> None:
    with client(tmp_path, PASSWORD) as connection:
        for command in ("FLUSHALL", "CONFIG GET maxmemory", "SHUTDOWN", "ACL LIST", "SET other:key 1", "MONITOR"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                cast("Any", connection).execute_command(*command.split())


@pytest.mark.usefixtures("server")
def test_moodline_may_do_all_that_it_needs_there(tmp_path: Path) -> None:
    url = f"unix://:{PASSWORD}@{tmp_path}/socket"
    broker = connect(RedisSettings.model_validate({"url": url, "seal_key": new_key()}))  # tries every script
    try:
        assert purge(broker, "nobody", before=None, dry_run=False).crops == 0
        assert {finding.grade for finding in look_at_redis(broker.settings)} == {"ok"}
    finally:
        broker.close()


def test_it_wants_the_password_which_no_process_list_shows(server: subprocess.Popen[bytes], tmp_path: Path) -> None:
    with client(tmp_path, None) as connection, pytest.raises(redis.AuthenticationError):
        connection.ping()

    assert PASSWORD not in Path(f"/proc/{server.pid}/cmdline").read_text(encoding="utf-8")


def test_it_stops_in_order_when_compose_says_so(server: subprocess.Popen[bytes]) -> None:
    server.terminate()

    assert server.wait(timeout=10) == 0
