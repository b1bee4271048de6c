"""docker-compose.yml: nothing in it that the product does not know."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from moodline.config.environment import variable_names
from moodline.metrics import exposed_names
from moodline.settings import Settings
from tests.support.repository import ROOT

COMPOSE = ROOT / "docker-compose.yml"
OWN = ("ingest", "worker", "worker-gpu", "api")
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    found: dict[str, Any] = content["services"]
    return found


def test_it_is_what_compose_understands() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_everything_is_there(services: dict[str, Any]) -> None:
    assert services.keys() == {"redis", *OWN, "prometheus", "grafana"}
    assert all("healthcheck" in service for service in services.values())


@pytest.mark.parametrize("name", OWN)
def test_its_commands_exist(services: dict[str, Any], name: str) -> None:
    program, subcommand, *options = services[name]["command"]
    done = subprocess.run(
        [sys.executable, "-m", "moodline.cli", subcommand, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert program == "moodline"
    assert done.returncode == 0, done.stderr
    assert all(option in done.stdout for option in options if option.startswith("--"))


@pytest.mark.parametrize("name", OWN)
def test_its_variables_are_settings(services: dict[str, Any], name: str) -> None:
    assert services[name]["environment"].keys() <= variable_names(Settings).keys()


@pytest.mark.parametrize("name", OWN)
def test_the_configuration_is_mounted_where_the_command_looks(services: dict[str, Any], name: str) -> None:
    (mounted,) = services[name]["configs"]

    assert services[name]["command"][-2:] == ["--config", mounted["target"]]


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("ingest", Settings().ingest.metrics_port),
        ("worker", Settings().worker.metrics_port),
        ("worker-gpu", Settings().worker.metrics_port),
        ("api", Settings().api.port),
    ],
)
def test_health_is_asked_on_the_port_that_the_service_has(services: dict[str, Any], name: str, port: int) -> None:
    kind, program, url, *line = services[name]["healthcheck"]["test"]

    assert (kind, program) == ("CMD", "healthy")
    assert url.startswith(f"http://127.0.0.1:{port}/")
    assert all(text.split()[0] in exposed_names() for text in line)


def test_every_file_that_it_mounts_is_there(services: dict[str, Any]) -> None:
    content = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    files = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", config["file"]) for config in content["configs"].values()]
    files += [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())]

    assert not [name for name in files if name.startswith(".") and not (ROOT / name).exists()]


def test_only_the_api_and_grafana_can_be_opened_to_others(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    opened = {name for name, given in ports.items() if not all(port.startswith("127.0.0.1:") for port in given)}

    assert opened == {"api", "grafana"}
    assert all(port.startswith("${BIND_ADDRESS:-127.0.0.1}:") for name in opened for port in ports[name])


def test_no_service_gets_more_rights_than_it_needs(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert "cap_add" not in service
        assert not service.get("privileged")


def test_every_service_is_bounded_in_memory_and_processes_and_comes_back(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["mem_limit"]
        assert service["pids_limit"]
        assert service["restart"] == "unless-stopped"


def test_only_the_gpu_worker_waits_for_its_profile(services: dict[str, Any]) -> None:
    profiles = {name: service["profiles"] for name, service in services.items() if "profiles" in service}
    (device,) = services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]

    assert profiles == {"worker-gpu": ["gpu"]}
    assert device["capabilities"] == ["gpu"]


def test_the_example_names_every_variable_that_it_asks_for() -> None:
    without_comments = yaml.safe_dump(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")), width=10_000)
    asked = set(VARIABLE.findall(without_comments))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert asked == set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))


def test_no_secret_has_a_value_in_the_repository() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    text = COMPOSE.read_text(encoding="utf-8")

    for secret in ("REDIS_PASSWORD", "MOODLINE_SEAL_KEY", "GRAFANA_PASSWORD"):
        assert re.search(rf"^{secret}=$", example, re.MULTILINE)
        assert f"${{{secret}:?" in text
