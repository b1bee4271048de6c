"""The running system: the compose file's services on loopback, one for all tests of this folder."""

import copy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.local_compose import LocalCompose
from tests.support.repository import ROOT

CONTENT: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the secrets, made as its user makes it."""
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run([ROOT / "deploy/make-secrets.sh", folder], check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="session")
def system(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCompose]:
    """All services of the compose file but Grafana, which cannot be had here; healthy."""
    variables = {"SECRETS": str(secrets)}
    with LocalCompose(tmp_path_factory.mktemp("compose"), variables, content=copy.deepcopy(CONTENT)) as project:
        yield project.up("ingest", "worker", "api", "jobs", "prometheus")
