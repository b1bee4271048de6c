"""The compose file without containers: its own commands, variables, health checks and order, as local processes.

Each service gets an address of its own in 127.0.0.0/8, so every port is the one that the file names. What a container
would bring is put in its place and nothing else: other services' names and 0.0.0.0 become addresses, paths of mounts
become folders, and the images' programs are this machine's.
"""

import os
import re
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml

from tests.deploy.local_service import FORKING, LocalService
from tests.support.repository import ROOT
from tests.support.wait import wait_until

Json = dict[str, Any]

CONTENT: Json = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))

_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?:(?P<how>:-|:\?)(?P<rest>[^}]*))?\})")
_DURATION = re.compile(r"(\d+)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class UnhealthyError(AssertionError):
    """A service ended or did not become healthy in the time that its health check gives it."""


class LocalCompose:
    """The services of a compose file, started in the order that ``depends_on`` asks for.

    ``variables`` stand for ``.env``; ``content`` takes the place of what the checkout's file says.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str], *, content: Json = CONTENT) -> None:
        self.folder = folder
        self.content: Json = interpolated(content, variables)
        network = secrets.choice(range(16, 255)), secrets.choice(range(1, 255))  # other runs have theirs
        self.addresses = {
            name: f"127.{network[0]}.{network[1]}.{number}" for number, name in enumerate(self.content["services"], 2)
        }
        self.services: dict[str, LocalService] = {}

    def up(self, *names: str) -> Self:
        """Start services and what they depend on, each after its dependencies are healthy."""
        for name in names:
            self._start(name)
        for name in names:
            self.wait_healthy(name)
        return self

    def _start(self, name: str) -> None:
        if name in self.services:
            return
        described = self.content["services"][name]
        for needed, condition in conditions(described).items():
            self._start(needed)
            if condition == "service_healthy":
                self.wait_healthy(needed)
        self.services[name] = LocalService(name, described, self)

    def wait_healthy(self, name: str) -> None:
        """Wait for a service for as long as Docker would before it calls the service unhealthy."""
        service, check = self.services[name], self.content["services"][name]["healthcheck"]
        patience = seconds(check.get("start_period", "0s")) + seconds(check["interval"]) * check.get("retries", 3)

        def healthy() -> bool:
            if service.process.poll() is not None:
                raise UnhealthyError(f"{name} ended with {service.process.poll()}:\n{service.log()[-3000:]}")
            return service.healthy()

        try:
            wait_until(healthy, description=f"{name} is healthy", timeout=patience, interval=0.2)
        except UnhealthyError:
            raise
        except AssertionError as error:
            raise UnhealthyError(f"{error}\n{service.said}\n{service.log()[-3000:]}") from error

    def down(self) -> dict[str, int]:
        """Stop everything as ``docker compose down`` does, what others need last; return the exit codes."""
        return {name: service.stop() for name, service in reversed(self.services.items())}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()


def interpolated(content: Any, variables: Mapping[str, str]) -> Any:
    """Put variables in as compose does: ``${A}``, ``${A:-default}``, ``${A:?message}``, ``$$``."""
    if isinstance(content, dict):
        return {name: interpolated(value, variables) for name, value in content.items()}
    if isinstance(content, list):
        return [interpolated(value, variables) for value in content]
    return _VARIABLE.sub(lambda match: _value(match, variables), content) if isinstance(content, str) else content


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    value = variables.get(match["name"], "")
    if not value and match["how"] == ":?":
        raise AssertionError(f"required variable {match['name']} is missing a value: {match['rest']}")
    return value or (match["rest"] if match["how"] == ":-" else "")


def conditions(service: Json) -> dict[str, str]:
    """Return what a service waits for, and until when."""
    return {name: given["condition"] for name, given in service.get("depends_on", {}).items()}


def seconds(text: str) -> float:
    """Return a duration of the compose file in seconds."""
    return sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))


def image_environment(target: str) -> dict[str, str]:
    """Return what the Dockerfile's ENV gives to a target and to the base that it stands on."""
    text = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, str] = {}
    for stage in re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]:
        if re.match(rf"\S+ AS (runtime|{re.escape(target)})$", stage.splitlines()[0]):
            for line in re.findall(r"^ENV (.*)$", stage, re.MULTILINE):
                found |= dict(word.split("=", 1) for word in line.split())
    return {name: value for name, value in found.items() if name not in {"PATH", "HOME"}}


def run_quietly(command: list[str], environment: Mapping[str, str], timeout: float) -> tuple[int, str]:
    """Run a command and return its exit code and what it said; 124 where it took too long."""
    try:
        with FORKING:
            process = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=os.sep
            )
    except OSError as error:
        return 127, str(error)
    with process:
        try:
            said, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            return 124, "timed out"
    return process.returncode, said
