"""An API, a server and a worker whose model costs nothing, and processes that do jobs."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from moodline.settings import JobSettings
from tests.api.stage import serving
from tests.support.brokers import broker_on
from tests.support.recordings import Running, server_and_worker
from tests.support.repository import ROOT
from tests.support.wait import wait_until

WITHIN_S = 180.0


class Jobs:
    """A ``python -m jobs``; ``folder`` is where videos and results lie."""

    def __init__(self, running: Running, folder: Path, **settings: str) -> None:
        environ = {"MOODLINE_JOBS__FOLDER": str(folder), "MOODLINE_JOBS__METRICS_PORT": "0", **running.env}
        environ |= {f"MOODLINE_JOBS__{name.upper()}": value for name, value in settings.items()}
        with tempfile.NamedTemporaryFile(prefix="jobs-", suffix=".log", delete=False) as log:
            self._log = Path(log.name)
            command_line = [sys.executable, "-m", "jobs"]
            self.process = subprocess.Popen(
                command_line, cwd=ROOT, env={**os.environ, **environ}, stderr=log, stdout=log
            )

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.unlink(missing_ok=True)


class Desk:
    """A client of the API with the folder behind it."""

    def __init__(self, client: httpx.Client, folder: Path) -> None:
        self.client = client
        self.folder = folder

    def hand_in(self, video: Path, **fields: str) -> str:
        """Upload a video and return the analysis's id."""
        with video.open("rb") as file:
            answer = self.client.post("/v1/analyses", files={"video": (video.name, file, "video/mp4")}, data=fields)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def show(self, job: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/analyses/{job}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def wait_for(self, job: str, *states: str) -> dict[str, Any]:
        """Wait until an analysis is in one of the states."""

        def reached() -> dict[str, Any] | None:
            shown = self.show(job)
            return shown if shown["state"] in states else None

        found = wait_until(reached, description=f"{job} is {' or '.join(states)}", timeout=WITHIN_S, interval=0.1)
        assert found is not None
        return found

    def result(self, job: str, name: str) -> httpx.Response:
        answer = self.client.get(f"/v1/analyses/{job}/results/{name}")
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with server_and_worker() as both:
        yield both


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory, short: Path) -> Path:
    """A folder whose videos may be named, with links that lead out of it."""
    root = tmp_path_factory.mktemp("recordings")
    inside = root / "inside"
    (inside / "holiday").mkdir(parents=True)
    (inside / "holiday" / "film.mp4").write_bytes(short.read_bytes())
    (root / "secret.mp4").write_bytes(short.read_bytes())
    (inside / "out.mp4").symlink_to(root / "secret.mp4")
    (inside / "up").symlink_to(root)
    return inside


@pytest.fixture(scope="module")
def desk(running: Running, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("jobs")
    broker = broker_on(running.server, seal_key=running.seal_key)
    settings = JobSettings(folder=folder, recordings=recordings, max_upload=20 * 1024 * 1024, max_waiting=4)
    with serving(broker, jobs=settings) as client:
        yield Desk(client, folder)
    broker.close()


StartJobs = Callable[..., Jobs]


@pytest.fixture
def start_jobs(running: Running, desk: Desk, recordings: Path) -> Iterator[StartJobs]:
    """Start processes that do jobs and end with the test. They look at every frame, so that runs compare."""
    started: list[Jobs] = []

    def start(**settings: str) -> Jobs:
        started.append(Jobs(running, desk.folder, recordings=str(recordings), detect_fps="60", **settings))
        return started[-1]

    yield start
    for jobs in started:
        jobs.end()
