"""The compose file runs: healthy in its own order and time, and a mistake in it does not pass."""

import copy
import json
import socket
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.conftest import CONTENT, VARIABLES
from tests.deploy.local_compose import LocalCompose, UnhealthyError
from tests.support.wait import wait_until

Services = dict[str, Any]
PUBLISHED = [
    (name, int(port.rpartition(":")[2]))
    for name, service in CONTENT["services"].items()
    for port in service.get("ports", [])
    if name != "grafana"
]


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def test_a_face_before_the_demo_camera_becomes_events_in_the_api(system: LocalCompose) -> None:
    url = f"http://{system.addresses['api']}:8080/v1/streams"

    def ledger_with_events() -> dict[str, Any] | None:
        ledgers = [stream["ledger"] for stream in get(url)["streams"] if stream["id"] == "demo"]
        return ledgers[0] if ledgers and ledgers[0]["events"] else None

    ledger = wait_until(ledger_with_events, description="the demo camera has events", timeout=30)
    assert ledger is not None
    assert ledger["accepted"] == ledger["events"] + sum(ledger["dropped"].values()) + ledger["queued"]


@pytest.mark.parametrize(("name", "port"), PUBLISHED)
def test_somebody_listens_on_every_published_port(system: LocalCompose, name: str, port: int) -> None:
    with socket.create_connection((system.addresses[name], port), timeout=2):
        pass


def test_no_log_shows_a_secret(system: LocalCompose) -> None:
    logs = "".join(service.log() for service in system.services.values())

    assert "ready" in logs
    assert not [secret for secret in VARIABLES.values() if secret in logs]


def wrong_command(services: Services) -> None:
    services["api"]["command"][1] = "apis"


def wrong_option(services: Services) -> None:
    services["api"]["command"][2] = "--configuration"


def wrong_configuration(services: Services) -> None:
    services["api"]["configs"][0]["target"] = "/etc/elsewhere/moodline.yaml"


def missing_variable(services: Services) -> None:
    del services["api"]["environment"]["REDIS_URL"]


def misspelt_variable(services: Services) -> None:
    services["api"]["environment"]["MOODLINE_API__HOSTS"] = "0.0.0.0"


def unopened_to_others(services: Services) -> None:
    del services["api"]["environment"]["MOODLINE_API__HOST"]


def wrong_port_of_redis(services: Services) -> None:
    environment = services["api"]["environment"]
    environment["REDIS_URL"] = environment["REDIS_URL"].replace(":6379", ":6380")


def wrong_port_of_the_health_check(services: Services) -> None:
    check = services["api"]["healthcheck"]
    check["test"] = [word.replace(":8080", ":8081") for word in check["test"]]


def wrong_path_of_the_health_check(services: Services) -> None:
    check = services["api"]["healthcheck"]
    check["test"] = [word.replace("/healthz", "/health") for word in check["test"]]


# Each with what is said of it: it must be that mistake which is noticed.
MISTAKES: dict[Callable[[Services], None], str] = {
    wrong_command: "No such command 'apis'",
    wrong_option: "--configuration",
    wrong_configuration: "/etc/moodline/moodline.yaml",
    missing_variable: "REDIS_URL is not set",
    misspelt_variable: "MOODLINE_API__HOSTS",
    unopened_to_others: "Connection refused",
    wrong_port_of_redis: "cannot be reached",
    wrong_port_of_the_health_check: "Connection refused",
    wrong_path_of_the_health_check: "404",
}


def said_of(mistake: Callable[[Services], None], folder: Path, redis: str) -> str:
    """Return why the API does not become healthy with a mistake in its part of the file."""
    content = copy.deepcopy(CONTENT)
    mistake(content["services"])
    content["services"]["api"]["depends_on"] = {}  # the Redis of the running system serves all of these
    content["services"]["api"]["healthcheck"] |= {"start_period": "11s", "interval": "1s", "retries": 1}
    with LocalCompose(folder, VARIABLES, content=content) as project:
        project.addresses["redis"] = redis
        with pytest.raises(UnhealthyError) as error:
            project.up("api")
        return str(error.value)


@pytest.fixture(scope="module")
def said(system: LocalCompose, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Future[str]]:
    """What is said of each mistake; they are tried side by side, since most of it is waiting."""
    redis, folder = system.addresses["redis"], tmp_path_factory.mktemp("mistakes")
    with ThreadPoolExecutor(5) as pool:
        return {one.__name__: pool.submit(said_of, one, folder / one.__name__, redis) for one in MISTAKES}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_mistake_does_not_become_healthy(said: dict[str, Future[str]], mistake: Callable[[Services], None]) -> None:
    assert MISTAKES[mistake] in said[mistake.__name__].result()


def test_without_a_mistake_it_does(system: LocalCompose, tmp_path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    content["services"]["api"]["depends_on"] = {}
    with LocalCompose(tmp_path, VARIABLES, content=content) as project:
        project.addresses["redis"] = system.addresses["redis"]
        project.up("api")
        assert project.down() == {"api": 0}


def test_a_secret_that_is_missing_is_named() -> None:
    with pytest.raises(AssertionError, match=r"REDIS_PASSWORD is missing a value: copy \.env\.example"):
        LocalCompose(Path(), {}, content=CONTENT)
