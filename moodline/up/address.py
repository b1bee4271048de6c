"""Where a running ``moodline up`` leaves the address of its Redis, so that ``moodline events`` finds it.

The file lies in a directory that belongs to this user alone: another user of the machine could otherwise
plant the address of a server of theirs. It holds no key: crops in that server stay sealed.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

_FILE = "redis-url"


@contextlib.contextmanager
def announced(url: str) -> Iterator[None]:
    """Leave ``url`` for this user's other commands while the block runs; the last one to start is found."""
    directory = _directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(directory):
        yield
        return
    file = directory / _FILE
    draft = directory / f"{_FILE}.{os.getpid()}"
    draft.touch(mode=0o600)
    draft.write_text(url, encoding="utf-8")
    draft.replace(file)
    try:
        yield
    finally:
        if announced_url() == url:  # else another one has taken the place
            file.unlink(missing_ok=True)


def announced_url() -> str | None:
    """Return the address that this user's running ``moodline up`` left, if there is one."""
    directory = _directory()
    try:
        return (directory / _FILE).read_text(encoding="utf-8") if _is_ours(directory) else None
    except OSError:
        return None


def _directory() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "moodline" if runtime else Path(tempfile.gettempdir()) / f"moodline-{os.getuid()}"


def _is_ours(directory: Path) -> bool:
    try:
        state = directory.lstat()
    except OSError:
        return False
    return directory.is_dir() and state.st_uid == os.getuid() and not state.st_mode & 0o077
