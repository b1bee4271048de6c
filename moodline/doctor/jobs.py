"""Jobs: the server of their queues where it is another one, and the folder of videos and results."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from moodline.doctor.finding import Finding
from moodline.errors import MoodlineError
from moodline.jobs.store import JobStore
from moodline.settings import Settings


def look_at_jobs(settings: Settings) -> Iterator[Finding]:
    """Yield what is to be said of jobs; nothing where they are not configured."""
    if settings.jobs.redis_url is not None or (settings.jobs.folder is not None and settings.redis.url is not None):
        yield _server(settings)
    if settings.jobs.folder is not None:
        yield _folder(settings.jobs.folder)


def _server(settings: Settings) -> Finding:
    try:
        with closing(JobStore.open(settings.redis, settings.jobs)) as store, store.errors():
            store.client.ping()
    except MoodlineError as error:
        return Finding("jobs redis", "fail", str(error), "Correct JOBS_REDIS_URL; no job is taken before that.")
    return Finding("jobs redis", "ok", "The server of the job queues answers.")


def _folder(folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        # Tried and not asked for: rights say little of read-only mounts and of what root may do.
        with tempfile.TemporaryDirectory(prefix=".moodline-doctor-", dir=there):
            pass
    except OSError as error:
        return Finding(
            "jobs folder",
            "fail",
            f"jobs.folder {folder} cannot be written ({error.strerror}).",
            "Give it to the user of api and jobs, or set another jobs.folder.",
        )
    return Finding("jobs folder", "ok", f"{folder} can be written.")
