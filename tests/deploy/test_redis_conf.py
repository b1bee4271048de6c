"""deploy/redis: the server as the compose file starts it, run as a local process on real servers."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from moodline.broker import connect
from moodline.doctor.server import look_at_redis
from moodline.purge import purge
from moodline.sealing import new_key
from moodline.settings import RedisSettings
from tests.deploy.local_compose import CONTENT
from tests.support.brokers import SERVERS, server_binary
from tests.support.repository import ROOT
from tests.support.wait import wait_until

PASSWORD = "throwaway 123/@"
"""Of the user operator. In a file a password may have any characters."""


def users() -> list[str]:
    return re.findall(r"^user (\w+) on #", (ROOT / "deploy/redis/users.acl").read_text(encoding="utf-8"), re.MULTILINE)


def local_start(folder: Path) -> Path:
    """Return start.sh with the image's folders replaced, and a socket in place of the port."""
    (folder / "secrets").mkdir()
    for user in users():
        (folder / "secrets" / f"redis_{user}").write_text(f"{PASSWORD if user == 'operator' else user * 4}\n")
    for name in ("redis.conf", "users.acl", "start.sh"):
        text = (ROOT / "deploy/redis" / name).read_text(encoding="utf-8")
        text = text.replace("dir /data", f"dir {folder}\nport 0\nunixsocket {folder}/socket")
        local = text.replace("/etc/valkey", str(folder)).replace("/run/secrets", str(folder / "secrets"))
        (folder / name).write_text(local, encoding="utf-8")
    return folder / "start.sh"


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    (tmp_path / "valkey-server").symlink_to(server_binary(request.param))
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    log = (tmp_path / "log").open("wb")
    with log, subprocess.Popen(["sh", local_start(tmp_path)], env=environment, stdout=log) as process:
        wait_until(lambda: answers(tmp_path), description="the server answers", timeout=30)
        yield process
        process.kill()


def client(folder: Path, user: str = "operator", password: str | None = PASSWORD) -> redis.Redis:
    # Without retries: a refused password stays refused.
    retry = Retry(NoBackoff(), 0)
    return redis.Redis(unix_socket_path=str(folder / "socket"), username=user, password=password, retry=retry)


def answers(folder: Path) -> bool:
    try:
        with client(folder, "health", "any") as connection:
            return bool(connection.ping())
    except redis.RedisError:
        return False


def test_compose_starts_it_with_this_script() -> None:
    services = CONTENT["services"]

    assert services["redis"]["command"] == ["sh", "/etc/valkey/start.sh"]
    assert set(services["redis"]["secrets"]) == {f"redis_{user}" for user in users()}


@pytest.mark.usefixtures("server")
def test_it_keeps_what_it_accepted_and_evicts_nothing(tmp_path: Path) -> None:
    with client(tmp_path) as connection:
        found = connection.info("everything")

    assert found["maxmemory_policy"] == "noeviction"
    assert found["maxmemory"] > 0
    assert found["aof_enabled"] == 1


@pytest.mark.usefixtures("server")
def test_the_operator_can_neither_empty_it_nor_change_it(tmp_path: Path) -> None:
    with client(tmp_path) as connection:
        for command in ("FLUSHALL", "CONFIG GET maxmemory", "SHUTDOWN", "ACL LIST", "SET other:key 1", "MONITOR"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                cast("Any", connection).execute_command(*command.split())


@pytest.mark.usefixtures("server")
def test_the_operator_can_write_a_backup_and_shorten_the_file_of_commands(tmp_path: Path) -> None:
    with client(tmp_path) as connection:
        assert connection.bgrewriteaof()
        # A server does one of the two at a time.
        wait_until(lambda: not rewriting(connection), description="it is rewritten", timeout=30)
        assert connection.bgsave()


def rewriting(connection: redis.Redis) -> bool:
    found = connection.info("persistence")
    return bool(found["aof_rewrite_in_progress"] or found["aof_rewrite_scheduled"])


@pytest.mark.usefixtures("server")
def test_moodline_may_do_all_that_it_needs_there(tmp_path: Path) -> None:
    url = f"unix://operator:{quote(PASSWORD, safe='')}@{tmp_path}/socket"
    broker = connect(RedisSettings.model_validate({"url": url, "seal_key": new_key()}))  # tries every script
    try:
        assert purge(broker, "nobody", before=None, dry_run=False).crops == 0
        assert {finding.grade for finding in look_at_redis(broker.settings)} == {"ok"}
    finally:
        broker.close()


def test_it_wants_the_password_which_no_process_list_shows(server: subprocess.Popen[bytes], tmp_path: Path) -> None:
    for user, password in (("default", None), ("operator", "wrong"), ("nobody", "wrong")):
        with client(tmp_path, user, password) as connection, pytest.raises(redis.AuthenticationError):
            connection.ping()

    for file in ("cmdline", "environ"):
        assert PASSWORD not in Path(f"/proc/{server.pid}/{file}").read_text(encoding="utf-8")


@pytest.mark.usefixtures("server")
def test_the_health_check_may_ping_and_nothing_else(tmp_path: Path) -> None:
    with client(tmp_path, "health", "any") as connection:
        assert connection.ping()
        for command in ("GET moodline:partitions", "INFO", "XREAD STREAMS moodline:{p0}:feed 0", "PUBLISH a b"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                cast("Any", connection).execute_command(*command.split())


def test_it_stops_in_order_when_compose_says_so(server: subprocess.Popen[bytes]) -> None:
    server.terminate()

    assert server.wait(timeout=10) == 0
