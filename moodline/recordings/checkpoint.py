"""What an analysis has to remember to go on after a crash: which stream it is, and how far its events are collected."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from moodline.cursors import Cursor
from moodline.errors import MoodlineError

CHECKPOINT = ".analysis.json"
_LOCK = ".analysis.lock"


class FolderBusyError(MoodlineError):
    """Another process writes its results into this folder."""


class Checkpoint(BaseModel):
    """The state of one analysis. ``recording`` tells the video from all others; ``cursor``: collected up to there."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    recording: str
    stream: str
    start_at: datetime
    cursor: Cursor
    finished: bool = False

    def save(self, folder: Path) -> None:
        """Write the state so that a crash leaves the old or the new one."""
        draft = folder / f"{CHECKPOINT}.new"
        draft.write_text(self.model_dump_json(), encoding="utf-8")
        draft.replace(folder / CHECKPOINT)


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the state that an earlier process left, or None where there is none that can be read."""
    try:
        return Checkpoint.model_validate_json((folder / CHECKPOINT).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def new_checkpoint(video: Path, cursor: Cursor, *, stream: str | None = None) -> Checkpoint:
    """Return the state of an analysis that begins now, as a stream of its own."""
    name = stream or f"analysis-{secrets.token_hex(5)}"
    # The moment is part of what names a recording, so it is kept: a second try gets the same event ids.
    now = datetime.now(UTC).replace(microsecond=0)
    return Checkpoint(recording=fingerprint(video), stream=name, start_at=now, cursor=cursor)


def fingerprint(video: Path) -> str:
    """Return what tells one version of a file from another."""
    state = video.stat()
    return f"{video.absolute()} {state.st_size} {state.st_mtime_ns}"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into ``folder``; the lock ends with the process, however that ends.

    Raises FolderBusyError.
    """
    descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderBusyError(f"{folder} is being written by another analysis: wait for its end.") from error
        yield
    finally:
        os.close(descriptor)
