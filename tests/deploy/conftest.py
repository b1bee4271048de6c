"""The running system: the compose file's services on loopback, one for all tests of this folder."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.local_compose import LocalCompose
from tests.deploy.local_service import LocalService
from tests.support.repository import ROOT


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
    with LocalCompose(tmp_path_factory.mktemp("compose"), variables) as project:
        yield project.up("ingest", "worker", "api", "jobs", "prometheus")


@pytest.fixture(scope="session")
def key(system: LocalCompose) -> str:
    """A key to the system's API, made as its user makes it: docker compose run operator keys create --scope write."""
    command = ["keys", "create", "--scope", "write"]
    operator = LocalService("operator", {**system.content["services"]["operator"], "command": command}, system)
    assert operator.process.wait(60) == 0, operator.log()
    (found,) = re.findall(r"^ml_\S+$", operator.log(), re.MULTILINE)
    return str(found)


@pytest.fixture(scope="session")
def api(system: LocalCompose, key: str) -> Iterator[httpx.Client]:
    """A client of the system's API that has a key."""
    with httpx.Client(
        base_url=f"http://{system.addresses['api']}:8080", headers={"Authorization": f"Bearer {key}"}, timeout=10
    ) as client:
        yield client
