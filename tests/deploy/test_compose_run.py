"""The compose file runs: healthy in its own order and time, and a mistake in it does not pass."""

import contextlib
import copy
import shutil
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.local_compose import CONTENT, LocalCompose, UnhealthyError
from tests.deploy.local_service import LocalService
from tests.support.hook import Hook
from tests.support.mqtt import Home, mqtt_broker
from tests.support.needs import shared
from tests.support.wait import wait_until

Services = dict[str, Any]
PUBLISHED = [
    (name, int(port.rpartition(":")[2]))
    for name, service in CONTENT["services"].items()
    for port in service.get("ports", [])
    if name != "grafana"
]


def ledger_with_events(api: httpx.Client, stream: str) -> dict[str, Any] | None:
    ledgers = [found["ledger"] for found in api.get("/v1/streams").json()["streams"] if found["id"] == stream]
    return ledgers[0] if ledgers and ledgers[0]["events"] else None


def test_a_face_before_the_demo_camera_becomes_events_in_the_api(api: httpx.Client) -> None:
    ledger = wait_until(lambda: ledger_with_events(api, "demo"), description="the camera has events", timeout=30)

    assert ledger is not None
    assert ledger["accepted"] == ledger["events"] + sum(ledger["dropped"].values()) + ledger["queued"]


def test_the_profile_demo_adds_a_camera_that_needs_no_hardware(system: LocalCompose, api: httpx.Client) -> None:
    system.up("demo")

    assert CONTENT["services"]["demo"]["profiles"] == ["demo"]
    wait_until(lambda: ledger_with_events(api, "demo-camera"), description="it has events", timeout=30)


def test_a_video_that_is_handed_in_is_analysed(api: httpx.Client) -> None:
    video = shared("data/media/fer_test.mp4")
    with video.open("rb") as file:
        answer = api.post("/v1/analyses", files={"video": (video.name, file)})
    assert answer.status_code == 202, answer.text

    def ended() -> dict[str, Any] | None:
        shown: dict[str, Any] = api.get(f"/v1/analyses/{answer.json()['id']}").json()
        return shown if shown["state"] in {"done", "failed"} else None

    found = wait_until(ended, description="it is analysed", timeout=60, interval=0.5)
    assert found is not None
    assert found["state"] == "done", found["sentence"]
    assert found["faces"] > 50


@pytest.mark.parametrize(("name", "port"), PUBLISHED)
def test_somebody_listens_on_every_published_port(system: LocalCompose, name: str, port: int) -> None:
    with socket.create_connection((system.addresses[name], port), timeout=2):
        pass


def values(secrets: Path) -> list[str]:
    return [path.read_text() for path in secrets.iterdir() if path.is_file()]


def test_no_log_shows_a_secret_or_a_key(system: LocalCompose, secrets: Path, key: str) -> None:
    logs = "".join(service.log() for service in system.services.values())

    assert "ready" in logs
    assert len(values(secrets)) == len(CONTENT["secrets"])
    assert not [secret for secret in values(secrets) if secret in logs]
    assert key not in logs


def test_no_environment_and_no_command_line_shows_a_secret(system: LocalCompose, secrets: Path) -> None:
    shown = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            shown[int(process.name)] = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()

    assert {service.process.pid for service in system.services.values()} <= shown.keys()
    assert not [pid for pid, text in shown.items() for secret in values(secrets) if secret.encode() in text]


def test_whoever_has_no_key_gets_nothing_from_the_api(api: httpx.Client) -> None:
    streams = api.base_url.join("/v1/streams")

    assert httpx.get(streams).status_code == 401
    assert httpx.get(streams, headers={"Authorization": "Bearer ml_no-such-key"}).status_code == 401
    assert httpx.post(streams, json={"id": "x", "url": "demo"}).status_code == 401
    assert api.get("/v1/streams").status_code == 200


def test_the_operator_makes_keys_and_the_api_may_not(system: LocalCompose) -> None:
    services = system.content["services"]
    described = {**services["operator"], "command": ["keys", "create", "--scope", "read"]}
    described |= {"secrets": services["api"]["secrets"], "environment": services["api"]["environment"]}
    system.addresses["not-the-operator"] = system.addresses["api"]
    refused = LocalService("not-the-operator", described, system)
    assert refused.process.wait(60) == 1, refused.log()
    assert "refuses this service" in refused.log()


def wrong_command(services: Services) -> None:
    services["api"]["command"][1] = "apis"


def wrong_option(services: Services) -> None:
    services["api"]["command"][2] = "--configuration"


def wrong_configuration(services: Services) -> None:
    services["api"]["configs"][0]["target"] = "/etc/elsewhere/moodline.yaml"


def missing_secret(services: Services) -> None:
    services["api"]["secrets"] = []


def secret_of_another_service(services: Services) -> None:
    services["api"]["secrets"][0]["source"] = "redis_ingest"


def wrong_folder_of_secrets(services: Services) -> None:
    services["api"]["environment"]["MOODLINE_SECRETS"] = "/run/secret"


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
    missing_secret: "/run/secrets: cannot be read",
    secret_of_another_service: "refuses this service",
    wrong_folder_of_secrets: "MOODLINE_SECRETS: /run/secret: cannot be read",
    missing_variable: "REDIS_URL is not set",
    misspelt_variable: "MOODLINE_API__HOSTS",
    unopened_to_others: "Connection refused",
    wrong_port_of_redis: "cannot be reached",
    wrong_port_of_the_health_check: "Connection refused",
    wrong_path_of_the_health_check: "401",  # whatever is not there needs a key as well
}


def said_of(mistake: Callable[[Services], None], folder: Path, redis: str, secrets: Path) -> str:
    """Return why the API does not become healthy with a mistake in its part of the file."""
    content = copy.deepcopy(CONTENT)
    mistake(content["services"])
    content["services"]["api"]["depends_on"] = {}  # the Redis of the running system serves all of these
    content["services"]["api"]["healthcheck"] |= {"start_period": "0s", "interval": "0s", "retries": 0}
    with LocalCompose(folder, {"SECRETS": str(secrets)}, content=content) as project:
        project.addresses["redis"] = redis
        with pytest.raises(UnhealthyError):
            project.up("api")
        api = project.services["api"]
        # It has as long as it needs: either it ends, or it works and the health check still finds it unhealthy.
        wait_until(lambda: has_come_to_something(api), description="it has ended or listens", timeout=100)
        assert api.process.poll() is not None or not api.healthy()
        return f"{api.said}\n{api.log()}"


def has_come_to_something(service: LocalService) -> bool:
    return service.process.poll() is not None or "The API and the dashboard are at" in service.log()


@pytest.fixture(scope="module")
def said(system: LocalCompose, secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Future[str]]:
    """What is said of each mistake; they are tried side by side, since most of it is waiting."""
    redis, folder = system.addresses["redis"], tmp_path_factory.mktemp("mistakes")
    with ThreadPoolExecutor(5) as pool:
        return {one.__name__: pool.submit(said_of, one, folder / one.__name__, redis, secrets) for one in MISTAKES}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_mistake_does_not_become_healthy(said: dict[str, Future[str]], mistake: Callable[[Services], None]) -> None:
    assert MISTAKES[mistake] in said[mistake.__name__].result()


def test_without_a_mistake_it_does(system: LocalCompose, secrets: Path, tmp_path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    content["services"]["api"]["depends_on"] = {}
    with LocalCompose(tmp_path, {"SECRETS": str(secrets)}, content=content) as project:
        project.addresses["redis"] = system.addresses["redis"]
        project.up("api")
        assert project.down() == {"api": 0}


def test_redis_names_a_password_that_is_missing(secrets: Path, tmp_path: Path) -> None:
    given = tmp_path / "secrets"
    shutil.copytree(secrets, given)
    (given / "redis_worker").chmod(0o600)
    (given / "redis_worker").write_text("")
    project = LocalCompose(tmp_path, {"SECRETS": str(given)})

    with project, pytest.raises(UnhealthyError, match="redis_worker, the password of the user worker, is missing"):
        project.up("redis")


def test_the_forwarders_bring_events_to_a_url_and_to_an_mqtt_broker(
    system: LocalCompose, secrets: Path, key: str, tmp_path: Path
) -> None:
    (secrets / "forwarders" / "MOODLINE_KEY").write_text(key)
    described = system.content["services"]
    with Hook(b"", []) as hook, mqtt_broker(tmp_path) as port:
        home = Home(port)
        given = {
            "webhook-forwarder": {"WEBHOOK_URL": hook.url},
            "mqtt-forwarder": {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(port)},
        }
        for name, variables in given.items():
            described[name]["environment"] |= variables
        system.up(*given)
        wait_until(lambda: hook.taken, description="an event is posted", timeout=60)
        wait_until(lambda: home.last("moodline/status") == "online", description="MQTT is told", timeout=60)
        for name in given:
            system.services.pop(name).stop()
        home.close()
