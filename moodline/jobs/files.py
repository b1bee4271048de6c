"""The files of jobs: one folder each, and the paths that people may name."""

import errno
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from moodline.errors import ConfigError, FolderFullError, JobsOffError, NotAllowedError
from moodline.settings import JobSettings

_ID: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
_VIDEO: Final = "video"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_ORPHANED_S: Final = 3600.0
"""A folder without a job is left alone for so long after its last byte: its job may not have been recorded yet."""


class JobFiles:
    """The folder of all jobs. Raises JobsOffError where none is configured."""

    def __init__(self, settings: JobSettings) -> None:
        if settings.folder is None:
            raise JobsOffError("This moodline takes no jobs: set jobs.folder (MOODLINE_JOBS__FOLDER) to a folder.")
        self._settings = settings
        self._root = settings.folder

    def new(self) -> str:
        """Make the folder of a new job and return the job's id. Raises ConfigError, FolderFullError."""
        job = secrets.token_hex(8)
        try:
            self.results(job).mkdir(parents=True)
        except OSError as error:
            explain_full_disk(error)
            raise ConfigError(f"jobs.folder {self._root} cannot be written ({error.strerror}).") from error
        return job

    def reserve(self, announced: int) -> str:
        """Make the folder of a new job whose video will take ``announced`` bytes, and return the job's id.

        They count from now on, in every process that shares the folder. Raises ConfigError, FolderFullError.
        """
        job = self.new()
        try:
            with self.upload(job).open("xb") as file:
                file.truncate(announced)  # a hole, which takes nothing of the disk; ``size`` counts it
            self.check_room()  # after that: of two that come at once each sees the other
        except FolderFullError:
            self.remove(job)
            raise
        except OSError as error:
            self.remove(job)
            explain_full_disk(error)
            raise
        return job

    def check_room(self) -> None:
        """Raise FolderFullError where videos and results take more than they may."""
        if self.size() > self._settings.max_folder:
            raise FolderFullError("The folder of the videos is full: delete analyses that are done.")

    def upload(self, job: str) -> Path:
        """Return where a video that is handed in lies; it has no name of its user's making."""
        return self._of(job) / _VIDEO

    def results(self, job: str) -> Path:
        """Return the folder of a job's results."""
        return self._of(job) / "results"

    def drop_upload(self, job: str) -> None:
        """Delete the video that was handed in."""
        self.upload(job).unlink(missing_ok=True)

    def remove(self, job: str) -> None:
        """Delete everything of a job."""
        shutil.rmtree(self._of(job), ignore_errors=True)

    def size(self) -> int:
        """Return how many bytes the files of all jobs take, and will take where a video is on its way."""
        total = 0
        for path in self._root.rglob("*") if self._root.is_dir() else ():
            try:
                found = path.lstat()
            except OSError:
                continue  # it was deleted meanwhile
            total += found.st_size if stat.S_ISREG(found.st_mode) else 0
        return total

    def orphans(self, known: set[str]) -> Iterator[str]:
        """Yield the jobs that have a folder and are not known any more, as where Redis has forgotten them."""
        for path in self._root.iterdir() if self._root.is_dir() else ():
            ours = _ID.fullmatch(path.name) and path.name not in known
            if ours and time.time() - _touched_s(path) > _ORPHANED_S:
                yield path.name

    def _of(self, job: str) -> Path:
        if not _ID.fullmatch(job):
            raise NotAllowedError(f"{job!r} is no id of a job.")
        return self._root / job


def explain_full_disk(error: OSError) -> None:
    """Raise FolderFullError where an error means that the disk is full."""
    if error.errno in _FULL:
        raise FolderFullError("The disk of jobs.folder is full: delete analyses that are done.") from error


def _touched_s(folder: Path) -> float:
    """Return when anything in a folder was written last: writing into a file does not touch the folder itself."""
    newest = 0.0
    for path in (folder, *folder.rglob("*")):
        try:
            newest = max(newest, path.lstat().st_mtime)
        except FileNotFoundError:
            continue  # it was deleted meanwhile
    return newest


def allowed(folder: Path | None, asked: str, *, setting: str) -> Path:
    """Return what ``asked``, a path below ``folder``, really is.

    Links are followed first, so none leads out. Raises JobsOffError where there is no such folder, NotAllowedError.
    """
    if folder is None:
        raise JobsOffError(f"This moodline takes no paths: {setting} names the folder below which they may lie.")
    refused = NotAllowedError(f"There is no {asked!r} below the folder that {setting} names.")
    if "\0" in asked:
        raise refused
    try:
        root = folder.resolve(strict=True)
        found = (root / asked).resolve(strict=True)
    except (OSError, RuntimeError):
        raise refused from None
    if found == root or not found.is_relative_to(root):
        raise refused
    return found
