"""The Dockerfile: tidy, a target for each service, and it copies what the checkout has."""

import re
import subprocess
import sys
from pathlib import Path

from moodline import __version__
from moodline.config.environment import variable_names
from moodline.settings import Settings
from tests.deploy.local_compose import CONTENT
from tests.support.repository import PACKAGES, ROOT, pyproject, requirement_texts

DOCKERFILE = ROOT / "deploy/Dockerfile"


def instructions(name: str) -> list[str]:
    """Return the arguments of every instruction of that name, continued lines joined."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name} (.*)$", text, re.MULTILINE)


def test_hadolint_has_nothing_to_say() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_compose_builds_targets_that_exist() -> None:
    targets = {found.group(1) for line in instructions("FROM") if (found := re.search(r" AS (\S+)$", line))}
    services = CONTENT["services"]
    built = {service["build"]["target"] for service in services.values() if "build" in service}

    assert built == {"ingest", "worker", "worker-gpu", "api", "jobs", "forwarders"}
    assert built <= targets


def test_each_image_installs_the_extra_of_its_service() -> None:
    found = re.findall(r"\}\[([\w,]+)\]", " ".join(instructions("RUN")))
    extras = {extra for names in found for extra in names.split(",")}

    assert extras == {"ingest", "worker", "api", "jobs", "tracing"}
    assert extras <= requirement_texts().keys()


def test_it_copies_files_that_the_checkout_has_and_that_are_not_ignored() -> None:
    sources = [
        word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1] if word[0] != "-"
    ]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert set(PACKAGES) <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored


def test_its_variables_are_settings() -> None:
    names = re.findall(r"\b(MOODLINE_\w+)=", " ".join(instructions("ENV")))

    assert names
    assert set(names) <= variable_names(Settings).keys()


def test_no_image_runs_as_root() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    runtime, *targets = text[text.index(" AS runtime") :].split("\nFROM ")

    assert re.search(r"^USER 10001$", runtime, re.MULTILINE)
    assert all(target.startswith("runtime AS ") and "\nUSER" not in target for target in targets)


def test_each_image_says_what_it_is() -> None:
    runtime, *targets = DOCKERFILE.read_text(encoding="utf-8").partition(" AS runtime")[2].split("\nFROM ")
    services = CONTENT["services"]
    given = dict(re.findall(r'org\.opencontainers\.image\.([\w.]+)="([^"]+)"', runtime))

    assert given.keys() == {"description", "version", "licenses", "vendor", "base.name"}
    assert given["version"] == __version__
    assert given["licenses"] == pyproject()["project"]["license"]
    for target in targets:
        (name,) = re.findall(r"^runtime AS (\S+)$", target, re.MULTILINE)
        assert f'LABEL org.opencontainers.image.title="moodline-{name}"\n' in target
    for labels in (service["build"]["labels"] for service in services.values() if "build" in service):
        assert labels.keys() == {f"org.opencontainers.image.{name}" for name in ("revision", "source")}
