"""Runs the command line as its users do: as a process."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

COMMAND = (sys.executable, "-m", "moodline.cli")
# The address of a developer's own running `moodline up` lies elsewhere.
NOBODYS_RUNTIME = Path(tempfile.gettempdir()) / "moodline-tests-nobody"


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without what would reach moodline, and with ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOODLINE_", "REDIS_"))}
    return {**kept, "XDG_RUNTIME_DIR": str(NOBODYS_RUNTIME), **more}


def moodline(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**(env or {})),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def started(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a command that runs until it is stopped."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment(**(env or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_ctrl_c,  # noqa: PLW1509 - nothing else runs here that a fork could catch in a lock
    )


def _hear_ctrl_c() -> None:
    """Tests that were started in the background ignore Ctrl-C, and what they start would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
