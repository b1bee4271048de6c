"""The running system: the compose file's services on loopback, one for all tests of this folder."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from moodline.sealing import new_key
from tests.deploy.local_compose import LocalCompose
from tests.support.repository import ROOT

VARIABLES = {"REDIS_PASSWORD": "throwaway123", "MOODLINE_SEAL_KEY": new_key(), "GRAFANA_PASSWORD": "throwaway456"}
CONTENT: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCompose]:
    """All services of the compose file but Grafana, which cannot be had here; healthy."""
    with LocalCompose(tmp_path_factory.mktemp("compose"), VARIABLES, content=copy.deepcopy(CONTENT)) as project:
        yield project.up("ingest", "worker", "api", "prometheus")
