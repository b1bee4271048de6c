"""The pages stay true: what they quote, name, link to and generate is there."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.deploy.doc_text import BLOCKS, IN_TEXT
from tests.deploy.local_compose import CONTENT
from tests.support.repository import PACKAGES, ROOT

DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "SECURITY.md", *sorted((ROOT / "deploy").rglob("README.md"))]
LINE = re.compile(r"^### `(.*)`$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NAMED_TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
# What follows the programs that are not ours is for a person to check.
HARMLESS_OPTION = re.compile(r"--[a-z][\w-]+")


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def log_lines() -> str:
    """Return every text of the code with … for what is put in, a text a line."""
    texts: list[str] = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    texts.append("".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.append(node.value)
    return "\n".join(re.sub(r"%[sd]", "…", text).replace("`", "…").replace("\n", " ") for text in texts)


@pytest.mark.parametrize("line", LINE.findall((DOCS / "troubleshooting.md").read_text(encoding="utf-8")))
def test_a_line_to_look_up_is_one_that_the_code_says(line: str) -> None:
    said = re.sub("…+", "…", log_lines())

    # Some sentences are put together from where and what.
    assert any(wanted in said for wanted in (line, line.replace("Redis at …", "…", 1)))


def test_a_line_that_nobody_says_is_noticed() -> None:
    assert "The camera of stream … has a cold." not in log_lines()


def test_every_test_that_a_page_names_is_there() -> None:
    pages = [*PAGES, ROOT / "README.md", ROOT / "examples/README.md"]
    named = {test for page in pages for test in NAMED_TEST.findall(page.read_text(encoding="utf-8"))}

    assert len(named) > 40
    for file, name in named:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), name


def test_every_threat_has_a_test_or_says_that_nothing_stops_it() -> None:
    text = (DOCS / "security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!an attacker|---)(.*) \| (.*) \| (.*) \|$", text, re.MULTILINE)

    assert len(rows) > 15
    for threat, answer, test in rows:
        assert TEST.fullmatch(test) or (test == "none" and "**not stopped" in answer), threat


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        found = (page.parent / target) if target else page
        assert found.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}


def commands() -> list[tuple[str, str]]:
    """Return each command of ours on the pages, with its page: in blocks, and in running text even if not run."""
    lines = [(block.page, line.split("#")[0].strip()) for block in BLOCKS if not block.mark for line in block.lines]
    in_text = {ours(command.words): command.page for command in reversed(IN_TEXT)}
    lines += [(page, line) for line, page in in_text.items()]
    return [(page, line) for page, line in lines if line.startswith(("moodline ", "python ", "make "))]


def ours(words: list[str]) -> str:
    """Return what moodline is asked in a line that may lead into a container first."""
    if words[:4] == ["docker", "compose", "run", "--rm"] and words[4] == "operator":
        words = ["moodline", *words[5:]]
    return " ".join(words[words.index("moodline") :] if "moodline" in words else words)


@cache
def help_of(*program: str) -> str:
    done = subprocess.run([sys.executable, *program, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def make_targets() -> list[str]:
    (targets,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return str(targets).split()


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return (path / "__main__.py").exists() or path.with_suffix(".py").exists()


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_of_ours_exists_with_its_options(page: str, line: str) -> None:
    program, *words = line.split()
    if program == "make":
        assert words[0] in make_targets()
        return
    if words[0] == "-m":
        assert is_module(words[1])
        return
    asked = words[:2] if words[1:] and words[1].isalpha() else words[:1]  # `models publish`: its own options
    shown = help_of("-m", "moodline.cli", *asked) if program == "moodline" else help_of(words[0])

    assert shown, f"{page}: {line}"
    assert set(HARMLESS_OPTION.findall(line)) <= set(HARMLESS_OPTION.findall(shown)), page


def test_a_service_that_a_command_names_is_one_of_the_compose_file() -> None:
    given = "\n".join(command.text for command in IN_TEXT)
    named = re.findall(r"docker compose (?:exec|restart|ps|logs --tail 50|up -d|run --rm) ([a-z]+)", given)

    assert len(named) > 5
    assert set(named) <= CONTENT["services"].keys()


def test_every_page_is_in_the_list_of_contents() -> None:
    contents = (DOCS / "README.md").read_text(encoding="utf-8")

    assert [
        page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"({page.name})" not in contents
    ] == []


@pytest.mark.parametrize(
    "script", [("-m", "deploy.metrics_page"), ("-m", "deploy.reference"), ("deploy/scale.py",)], ids=lambda one: one[-1]
)
def test_what_is_generated_is_up_to_date(script: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, *script, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
