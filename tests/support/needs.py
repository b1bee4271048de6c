"""What a test needs from outside the repository: skipped here with a reason, a failure in CI."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


def missing(what: str) -> NoReturn:
    """Skip the test; in CI fail it, so that a missing install step cannot hide."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI lacks {what}", pytrace=False)
    pytest.skip(f"needs {what}")


def shared(path: str) -> Path:
    """Return a file or folder of the shared data."""
    found = SHARED / path
    if not found.exists():
        missing(f"{path} of the shared data beside the checkout")
    return found


def command(name: str) -> str:
    """Return the path of a command that comes from the operating system's packages."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
    if found is None:
        missing(f"the command {name} (see CONTRIBUTING.md)")
    return found
