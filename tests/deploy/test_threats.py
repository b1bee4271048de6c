"""The threat model: each threat has tests that hold what is said to stop it, or says that nothing does."""

import re
from functools import cache

from pydantic import BaseModel

from moodline.settings import Settings, StreamSettings
from tests.support.repository import ROOT

TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def threats() -> list[tuple[str, str, str]]:
    """Return the rows of the threat model: what an attacker can, what stops it, and the tests."""
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    return re.findall(r"^\| (?!an attacker|---)(.*) \| (.*) \| (.*) \|$", text, re.MULTILINE)


def unheld(answer: str, tests: str) -> set[str]:
    """Return the settings that are said to stop something and that none of the tests' functions or files uses."""
    named = {name.rpartition(".")[2] for name in re.findall(r"`([a-z_.]+)`", answer)} & setting_names()
    files = {file for file, _ in TEST.findall(tests)}
    text = "\n".join((ROOT / file).read_text(encoding="utf-8") for file in files)
    return {name for name in named if not re.search(rf"\b{name}\b", text)}


@cache
def setting_names() -> set[str]:
    """Return the names of all settings, without their sections."""
    sections: tuple[type[BaseModel], ...] = (
        Settings,
        StreamSettings,
        *(type(found) for _, found in Settings() if isinstance(found, BaseModel)),
    )
    return {name for section in sections for name in section.model_fields}


def test_every_threat_has_tests_or_says_that_nothing_stops_it() -> None:
    assert len(threats()) > 15
    for threat, answer, tests in threats():
        found = tests.split(", ")
        assert all(TEST.fullmatch(test) for test in found) or (tests == "none" and "**not stopped" in answer), threat
        assert len(found) == len(set(found)), threat
        assert unheld(answer, tests) == set(), threat


def test_a_bound_that_the_named_test_does_not_set_is_noticed() -> None:
    elsewhere = "`tests/queue/test_servers.py::test_partitions_share_no_key`"

    assert unheld("`max_faces` and `api.max_streams` bound it", elsewhere) == {"max_faces", "max_streams"}
