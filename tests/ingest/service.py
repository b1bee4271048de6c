"""Runs ingest as its users do, as a process, on a private Redis."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.request import urlopen

from moodline.broker import Broker
from moodline.sealing import new_key
from moodline.streams import StreamStatus, StreamView, stream_view
from tests.support.ports import free_port
from tests.support.repository import ROOT
from tests.support.wait import wait_until

STARTED_S = 20.0
SEAL_KEY = new_key()
"""Of every ingest here, so that workers can open its crops."""


class Ingest:
    """A running ``python -m ingest``; everything that it writes goes to ``log_file``."""

    def __init__(
        self,
        folder: Path,
        *,
        redis_url: str,
        streams: list[dict[str, Any]],
        model: Path,
        arguments: tuple[str, ...] = (),
        ingest: dict[str, Any] | None = None,
        more: dict[str, Any] | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        """``more``: other sections of the configuration; ``env``: variables beside those that are always set."""
        self.metrics_port = free_port()
        settings = {"detector_model": str(model), "metrics_port": self.metrics_port, **(ingest or {})}
        self._rest = {"ingest": settings, "log": {"level": "debug", "format": "text"}, **(more or {})}
        self.config = config = folder / "moodline.yaml"
        self.write(streams)
        self.seal_key = (env or {}).get("MOODLINE_SEAL_KEY") or SEAL_KEY
        self.log_file = folder / "ingest.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOODLINE_", "REDIS_"))}
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ingest", "--config", str(config), *arguments],
                cwd=ROOT,
                env={**kept, "REDIS_URL": redis_url, "MOODLINE_SEAL_KEY": self.seal_key, **(env or {})},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def write(self, streams: list[dict[str, Any]], **more: Any) -> None:
        """Replace the configuration file, as an editor would that writes beside it and renames."""
        beside = self.config.with_suffix(".new")
        # JSON is YAML.
        beside.write_text(json.dumps({"streams": streams, **self._rest, **more}))
        beside.replace(self.config)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait(self, timeout: float = 40.0) -> int:
        """Wait for the end; return the exit code."""
        return self.process.wait(timeout)

    def stop(self) -> int:
        """Stop in order; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(12.0)

    def capture_pid(self, stream: str) -> int:
        """Return the process that reads a stream now."""
        found = re.findall(rf"Stream {stream} is read by process (\d+)", self.log())
        return int(found[-1]) if found else 0

    def metrics(self) -> dict[str, float]:
        """Return what Prometheus would read."""
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in samples}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(12.0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if error is not None:
            sys.stderr.write(self.log())


def view(broker: Broker, stream: str) -> StreamView | None:
    return stream_view(broker, stream)


def status(broker: Broker, stream: str) -> StreamStatus | None:
    found = stream_view(broker, stream)
    return found.status if found else None


def wait_for_state(broker: Broker, stream: str, state: str, *, timeout: float = STARTED_S) -> StreamStatus:
    """Wait until a stream shows a state; return its status."""

    def reached() -> StreamStatus | None:
        found = status(broker, stream)
        return found if found is not None and found.state == state else None

    reached_status = wait_until(reached, description=f"stream {stream} is {state}", timeout=timeout)
    assert reached_status is not None
    return reached_status


def accepted(broker: Broker, stream: str) -> int:
    found = stream_view(broker, stream)
    return found.ledger.accepted if found else 0


def drain(broker: Broker, stream: str) -> int:
    """Take everything out of a crop queue as a worker would that is not here; return how many crops."""
    return int(broker.client.xtrim(broker.keys_of(stream).of_stream("queue", stream), maxlen=0, approximate=False))


def queued(broker: Broker, stream: str) -> list[tuple[int, str, str]]:
    """Return frame, crop id and track of everything in a crop queue, in its order."""
    name = broker.keys_of(stream).of_stream("queue", stream)
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", broker.client.xrange(name))
    ids = [(fields[b"id"].decode(), fields[b"track"].decode()) for _, fields in entries]
    return [(int(crop.rsplit("/", 1)[1].split("-")[0]), crop, track) for crop, track in ids]
