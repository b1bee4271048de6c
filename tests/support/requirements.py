"""Requirements, followed through the distributions that are installed."""

from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.repository import requirement_texts


def closure(*extras: str) -> set[str]:
    """Return the names of what ``moodline[extras]`` installs here, itself left out."""
    texts = requirement_texts()
    waiting = [Requirement(text) for extra in ("", *extras) for text in texts[extra]]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        node = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if node not in seen and _applies(requirement, frozenset()):
            seen.add(node)
            waiting += _needs(*node)
    return {name for name, _ in seen}


def _needs(name: str, extras: frozenset[str]) -> list[Requirement]:
    try:
        texts = distribution(name).requires or []
    except PackageNotFoundError:
        pytest.fail(f"{name} is required but not installed: run make test")
    return [needed for text in texts if _applies(needed := Requirement(text), extras)]


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})
