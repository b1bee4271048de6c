"""The checkout itself, for tests about its files."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

from tests.support.needs import command, missing

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("ingest", "worker", "trainer", "api", "jobs", "moodline")


def own_files() -> list[Path]:
    """Return every file that is committed or about to be."""
    git = command("git")
    if not (ROOT / ".git").exists():
        missing("a checkout made with git clone")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def pyproject() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirement_texts() -> dict[str, list[str]]:
    """Return the requirements as written, by extra; those of every service under the empty name."""
    project = pyproject()["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}
