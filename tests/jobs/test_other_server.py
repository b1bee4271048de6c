"""Jobs on a Redis server of their own."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from moodline.errors import BrokerPolicyError
from moodline.jobs.store import JobStore
from moodline.settings import JobSettings, RedisSettings
from tests.support.redis_server import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "jobs", "requirepass its-own") as server:
        yield server


def test_the_server_of_the_jobs_gets_its_own_password_and_not_that_of_the_other(server: RedisServer) -> None:
    other = RedisSettings(url=SecretStr("redis://worker@127.0.0.1:1"), password=SecretStr("its-own"))

    with pytest.raises(BrokerPolicyError, match="authenticated"):
        JobStore.open(other, JobSettings(redis_url=SecretStr(f"redis://127.0.0.1:{server.port}")))
    with closing(
        JobStore.open(other, JobSettings(redis_url=SecretStr(f"redis://:its-own@127.0.0.1:{server.port}")))
    ) as jobs:
        assert jobs.all() == []


def test_without_one_they_are_on_the_same_server_with_the_same_password(server: RedisServer) -> None:
    same = RedisSettings(url=SecretStr(f"redis://127.0.0.1:{server.port}"), password=SecretStr("its-own"))

    with closing(JobStore.open(same, JobSettings())) as jobs:
        assert jobs.all() == []
