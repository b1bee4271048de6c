"""The whole system as ``moodline up`` would run it: server, worker and ingest, each a process of its own."""

import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

from bench.case import CHECKOUT, Context
from bench.server import Server, private_server
from moodline.errors import MoodlineError
from moodline.leash import LeashedProcess
from moodline.streams import Ledger, StreamStatus, stream_view
from moodline.up.readiness import worker_is_ready

YUNET = "models/face_detection_yunet_2023mar.onnx"
_HOST = "127.0.0.1"
_READY_WITHIN_S = 180.0
_STOPS_WITHIN_S = 12.0
_LOOK_S = 0.05


class ServiceEndedError(MoodlineError):
    """A service ended, or did not do what it should, while it was being measured."""


class System:
    """A running server and a warm worker; streams are read by ``reading``."""

    def __init__(self, server: Server, environment: Mapping[str, str]) -> None:
        self.server = server
        self._environment = environment

    @contextmanager
    def reading(self, streams: Sequence[Mapping[str, Any]], *, until_ended: bool = False) -> Iterator["Service"]:
        """Run ingest on these streams (fields of StreamSettings) until the block ends."""
        environment = {**self._environment, "MOODLINE_STREAMS": json.dumps(list(streams))}
        arguments = ["--exit-when-ended"] if until_ended else []
        with running("ingest", arguments, environment) as service:
            yield service

    def ledger(self, stream: str) -> Ledger | None:
        """Return a stream's ledger, None before ingest has opened it."""
        view = stream_view(self.server.broker, stream)
        return view.ledger if view else None

    def status(self, stream: str) -> StreamStatus:
        """Return what the stream's reader last said. Raises ServiceEndedError where it has said nothing."""
        view = stream_view(self.server.broker, stream)
        if view is None or view.status is None:
            raise ServiceEndedError(f"Ingest has said nothing of stream {stream}.")
        return view.status


class Service:
    """One running service and what it has written."""

    def __init__(self, name: str, process: LeashedProcess, log: IO[bytes]) -> None:
        self._name = name
        self._process = process
        self._log = log

    @property
    def group(self) -> int:
        """The id of the service's process group."""
        return self._process.pid

    def ended_well(self) -> bool:
        """Return whether the service has ended, and in order. Raises ServiceEndedError."""
        code = self._process.poll()
        if code:
            raise ServiceEndedError(f"{self._name} ended with exit code {code}: {self.last_words()}")
        return code == 0

    def last_words(self) -> str:
        """Return the last line that the service wrote."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing."


class Worker:
    """A worker process of its own, with its metrics on a free port."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self._port = _free_port()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        port = {"MOODLINE_WORKER__METRICS_PORT": str(self._port)}
        command = [sys.executable, "-m", module]
        self._process = LeashedProcess(
            command, cwd=CHECKOUT, env={**os.environ, **environment, **port}, output=self._log
        )
        self.service = Service(module, self._process, self._log)

    @property
    def pid(self) -> int:
        """The worker's process, which leads a group of its own."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Wait until the worker is warm. Raises ServiceEndedError."""
        wait_for(
            lambda: self.service.ended_well() or worker_is_ready(_HOST, self._port),
            within_s=_READY_WITHIN_S,
            what="the worker is warm",
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def stop(self) -> None:
        """End the worker, in order if it still runs."""
        self._process.stop(_STOPS_WITHIN_S)
        self._log.close()


@contextmanager
def running(name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[Service]:
    """Run ``python -m name`` until the block ends."""
    command = [sys.executable, "-m", name, *arguments]
    with tempfile.TemporaryFile() as log:
        process = LeashedProcess(command, cwd=CHECKOUT, env={**os.environ, **environment}, output=log)
        try:
            yield Service(name, process, log)
        finally:
            process.stop(_STOPS_WITHIN_S)


@contextmanager
def running_system(context: Context, **settings: str) -> Iterator[System]:
    """Start server and worker and wait until the worker is warm; ``settings`` are environment variables."""
    port = _free_port()
    with private_server() as server:
        environment = {
            **server.environment,
            "MOODLINE_INGEST__METRICS_PORT": "0",
            "MOODLINE_WORKER__METRICS_PORT": str(port),
            "MOODLINE_INGEST__DETECTOR_MODEL": str(context.require(YUNET)),
            "MOODLINE_LOG__FORMAT": "text",
            **settings,
        }
        with running("worker", [], environment) as worker:
            wait_for(
                lambda: worker.ended_well() or worker_is_ready(_HOST, port),
                within_s=_READY_WITHIN_S,
                what="the worker is warm",
            )
            yield System(server, environment)


def _free_port() -> int:
    """Return a port that nobody listened on a moment ago, away from those of a moodline that runs here."""
    with socket.create_server((_HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Wait until something holds. Raises ServiceEndedError when it takes too long."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceEndedError(f"After {within_s:.0f} s it is still not so that {what}.")
        time.sleep(_LOOK_S)
