"""constraints.txt pins everything and names no package index; no other file does either."""

import re
from importlib.metadata import distribution
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.repository import ROOT, own_files, requirement_texts
from tests.support.requirements import closure

INDEX_ADDRESS = re.compile(
    r"(?:--(?:extra-)?index-url|--find-links|^\s*-[if]\s|pypi\.org/simple|files\.pythonhosted|/simple/?\s*$)",
    re.MULTILINE,
)
PYTHONS = ("3.11.9", "3.12.9", "3.13.9", "3.14.1")


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def exact_version(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return specifier.version


def holds_on(requirement: Requirement, python: str) -> bool:
    environment = {"python_full_version": python, "python_version": python.rpartition(".")[0], "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(environment)


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_has_one_pin_that_satisfies_it(python: str) -> None:
    pinned: dict[str, str] = {}
    for pin in pins():
        if holds_on(pin, python):
            assert canonicalize_name(pin.name) not in pinned, f"{pin.name} is pinned twice on Python {python}"
            pinned[canonicalize_name(pin.name)] = exact_version(pin)
    for text in chain.from_iterable(requirement_texts().values()):
        wanted = Requirement(text)
        if wanted.name != "moodline" and holds_on(wanted, python):
            assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)], prereleases=True), text


def test_everything_that_gets_installed_is_pinned() -> None:
    services = requirement_texts().keys() - {"", "all"}

    assert not closure(*services) - {canonicalize_name(pin.name) for pin in pins()}


def test_the_libraries_that_the_gpu_image_adds_are_pinned() -> None:
    texts = [text for text in distribution("tensorflow").requires or () if "and-cuda" in text]
    pinned = {canonicalize_name(pin.name): exact_version(pin) for pin in pins()}

    assert "tensorflow[and-cuda]" in (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert len(texts) > 8
    for wanted in map(Requirement, texts):
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), wanted


def test_no_file_names_a_package_index() -> None:
    named = []
    for path in own_files():
        if path == ROOT / "tests/packaging/test_constraints.py":
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # pictures and models
        named += [f"{path.relative_to(ROOT)}: {found}" for found in INDEX_ADDRESS.findall(text)]

    assert not named
