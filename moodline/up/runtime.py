"""The directory in which this user's running ``moodline up`` find each other, and files that each holds while it lives.

It belongs to this user alone: another user of the machine could otherwise plant the address of a server of theirs.
"""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO


def runtime_directory() -> Path | None:
    """Return the directory, made if it was not there; None where it is open to others."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    directory = Path(runtime) / "moodline" if runtime else Path(tempfile.gettempdir()) / f"moodline-{os.getuid()}"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = directory.lstat()
    except OSError:
        return None
    ours = directory.is_dir() and state.st_uid == os.getuid() and not state.st_mode & 0o077
    return directory if ours else None


def hold(path: Path) -> IO[str] | None:
    """Open a file, made if it was not there, and lock it until it is closed or this process ends in whatever way.

    Returns None where another process holds it. Programs that are started later do not inherit it.
    """
    path.touch(mode=0o600)
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def is_held(path: Path) -> bool:
    """Return whether a living process holds a file. Raises OSError where there is none."""
    with path.open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
