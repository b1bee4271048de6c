"""docker-compose.yml: nothing in it that the product does not know."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from moodline.config.environment import variable_names
from moodline.config.secrets import SECRETS_VARIABLE
from moodline.metrics import exposed_names
from moodline.settings import Settings
from tests.deploy.local_compose import CONTENT
from tests.support.repository import ROOT

COMPOSE = ROOT / "docker-compose.yml"
OWN = ("ingest", "demo", "worker", "worker-gpu", "api", "jobs")
FORWARDERS = {"webhook-forwarder", "mqtt-forwarder"}
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = CONTENT["services"]
    return found


def test_it_is_what_compose_understands() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_everything_is_there(services: dict[str, Any]) -> None:
    assert services.keys() == {"redis", *OWN, *FORWARDERS, "operator", "prometheus", "grafana"}
    # The operator's is no service that runs: it does one thing for a person.
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"operator"}


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
    assert services[name]["environment"].keys() <= {*variable_names(Settings), SECRETS_VARIABLE}


@pytest.mark.parametrize("name", OWN)
def test_the_configuration_is_mounted_where_the_command_looks(services: dict[str, Any], name: str) -> None:
    (mounted,) = services[name]["configs"]

    assert services[name]["command"][-2:] == ["--config", mounted["target"]]


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("ingest", Settings().ingest.metrics_port),
        ("demo", Settings().ingest.metrics_port),
        ("worker", Settings().worker.metrics_port),
        ("worker-gpu", Settings().worker.metrics_port),
        ("api", Settings().api.port),
        ("jobs", Settings().jobs.metrics_port),
    ],
)
def test_health_is_asked_on_the_port_that_the_service_has(services: dict[str, Any], name: str, port: int) -> None:
    kind, program, url, *line = services[name]["healthcheck"]["test"]

    assert (kind, program) == ("CMD", "healthy")
    assert url.startswith(f"http://127.0.0.1:{port}/")
    assert all(text.split()[0] in exposed_names() for text in line)


def test_every_file_that_it_mounts_is_there(services: dict[str, Any]) -> None:
    files = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", config["file"]) for config in CONTENT["configs"].values()]
    volumes = [volume for service in services.values() for volume in service.get("volumes", ())]
    mounted = [volume for volume in volumes if isinstance(volume, dict)]
    files += [volume["source"] for volume in mounted]

    assert not [name for name in files if name.startswith(".") and not (ROOT / name).exists()]
    # Short, it is a named volume; what is mounted from the checkout must be there, else Docker makes an empty folder.
    content_volumes = CONTENT["volumes"].keys()
    assert {volume.split(":")[0] for volume in volumes if isinstance(volume, str)} == content_volumes
    assert mounted
    assert all(volume["read_only"] and not volume["bind"]["create_host_path"] for volume in mounted)


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
        # Those of moodline run as the user of the Dockerfile.
        assert "build" in service or service["user"] not in {"root", "0", "0:0"}


def test_every_service_is_bounded_in_memory_cpus_and_processes_and_comes_back(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["mem_limit"]
        assert service["cpus"]
        assert service["pids_limit"]
        assert service["restart"] == ("no" if name == "operator" else "unless-stopped")


def test_only_what_not_everybody_needs_waits_for_its_profile(services: dict[str, Any]) -> None:
    profiles = {name: service["profiles"] for name, service in services.items() if "profiles" in service}
    (device,) = services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]

    assert profiles == {
        "worker-gpu": ["gpu"],
        "demo": ["demo"],
        "operator": ["operator"],
        **{name: ["forwarders"] for name in FORWARDERS},
    }
    assert device["capabilities"] == ["gpu"]


def test_the_example_names_every_variable_that_it_asks_for() -> None:
    without_comments = yaml.safe_dump(CONTENT, width=10_000)
    asked = set(VARIABLE.findall(without_comments))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert asked == set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))


def test_every_secret_is_a_file_that_only_those_get_who_need_it(services: dict[str, Any]) -> None:
    given = {
        name: {one if isinstance(one, str) else one["source"] for one in service.get("secrets", ())}
        for name, service in services.items()
    }

    assert CONTENT["secrets"].keys() == set().union(*given.values())
    assert all(secret["file"].startswith("${SECRETS:-./secrets}/") for secret in CONTENT["secrets"].values())
    assert {name for name, secrets in given.items() if "seal_key" in secrets} == {
        "ingest",
        "demo",
        "worker",
        "worker-gpu",
        "jobs",
        "api",
    }
    for name in ("ingest", "worker", "api", "jobs", "operator"):
        assert {secret for secret in given[name] if secret.startswith("redis")} == {f"redis_{name}"}
        assert services[name]["environment"]["REDIS_URL"] == f"redis://{name}@redis:6379/0"


def test_workers_and_the_operator_share_the_models_and_the_image_lets_them_write(services: dict[str, Any]) -> None:
    for name in ("worker", "worker-gpu", "operator"):
        assert "models:/models" in services[name]["volumes"]
        assert services[name]["environment"]["MOODLINE_WORKER__REGISTRY"] == "/models"
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"install -d -o moodline .*/models$", dockerfile, re.MULTILINE)


def test_ingest_may_have_as_many_processes_as_its_streams_need(services: dict[str, Any]) -> None:
    assert services["ingest"]["pids_limit"] == "${INGEST_PIDS:-4096}"
    assert services["demo"]["pids_limit"] == 512


def test_grafana_fetches_nothing_from_the_internet(services: dict[str, Any]) -> None:
    given = services["grafana"]["environment"]

    assert given["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    assert given["GF_ANALYTICS_CHECK_FOR_UPDATES"] == given["GF_ANALYTICS_REPORTING_ENABLED"] == "false"


def test_no_environment_holds_a_secret(services: dict[str, Any]) -> None:
    names = re.compile(r"PASSWORD|(?<!_NEEDS_)KEY|SECRET|TOKEN|AUTH")  # whether a key is needed is no key
    given = [entry for service in services.values() for entry in service.get("environment", {}).items()]

    assert [value for name, value in given if names.search(name)]
    assert not [
        name
        for name, value in given
        if names.search(name) and not str(value).startswith(("/run/secrets", "/run/forwarder"))
    ]
    assert not [name for name, value in given if re.search(r"://[^/]*:[^/]*@", str(value))]
