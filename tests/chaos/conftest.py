"""Private servers that may be killed, workers that may be, and how long it goes on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.sealing import new_key
from tests.support.brokers import Server, broker_on, server_binary
from tests.support.chaos import Feeder, drained
from tests.support.wait import wait_until
from tests.support.workers import WorkerProcess, start_worker

KEY = new_key()


class Fleet:
    """Null workers on one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.all: list[WorkerProcess] = []

    def start(self, *, batch_ms: float = 5, ready: bool = True, **settings: str) -> WorkerProcess:
        os.environ["NULL_BATCH_MS"] = str(batch_ms)
        defaults = {"batch_size": "8", "hand_lease": "1s", "max_attempts": "50"}
        worker = start_worker(self._server, KEY, module="tests.support.null_worker", **{**defaults, **settings})
        self.all.append(worker)
        if ready:
            worker.wait_ready()
        return worker

    def kill(self, worker: WorkerProcess) -> None:
        worker.signal(signal.SIGKILL)
        worker.wait()
        self.all.remove(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.all:
            worker.end()

    def freeze(self) -> None:
        for worker in self.all:
            worker.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        for worker in self.all:
            worker.signal(signal.SIGCONT)


class FragileServer:
    """A server that is killed or frozen and comes back under the same address."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server

    def kill(self) -> None:
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.stop()

    def start(self, broker: Broker, *, fsync: str | None = None) -> None:
        self.server.start()
        if fsync:
            broker.client.config_set("appendfsync", fsync)

    def freeze(self) -> None:
        os.kill(self.server.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.server.pid, signal.SIGCONT)


def cpu_seconds(worker: WorkerProcess) -> float:
    """Return the CPU time that a worker has used."""
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def let_pass(seconds: float, watch: Callable[[], object] = lambda: None) -> None:
    """Let time pass, which is what the trial is about, and look on."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        watch()
        time.sleep(min(0.05, left))


def feed(feeder: Feeder) -> set[str]:
    """Put frames in and return the ids that were accepted with them."""
    before = {crop for source in feeder.sources.values() for crop in source.accepted}
    feeder.feed(20)
    return {crop for source in feeder.sources.values() for crop in source.accepted} - before


def feed_and_work_off(broker: Broker, fleet: Fleet, feeder: Feeder) -> set[str]:
    """Put frames in and let a worker finish everything; return the ids that were accepted with them."""
    fed = feed(feeder)
    worker = fleet.start()
    wait_until(lambda: drained(broker), description="the crops are worked off", timeout=30)
    fleet.kill(worker)
    return fed


@pytest.fixture(scope="session")
def seed() -> int:
    """What is random is the same in each run; `make chaos SEED=7` is another one."""
    return int(os.environ.get("CHAOS_SEED", "1"))


@pytest.fixture(scope="session")
def rounds() -> int:
    return int(os.environ.get("CHAOS_ROUNDS", "6"))


@pytest.fixture
def plain_server(tmp_path: Path) -> Iterator[FragileServer]:
    """A server that keeps nothing on disk."""
    yield from _server(tmp_path, persist=False)


@pytest.fixture
def durable_server(tmp_path: Path) -> Iterator[FragileServer]:
    """A server with an append-only file."""
    yield from _server(tmp_path, persist=True)


def _server(folder: Path, *, persist: bool) -> Iterator[FragileServer]:
    server = EmbeddedServer(binary=server_binary("redis"), directory=folder, persist=persist)
    with server:
        yield FragileServer(server)
        if server.running:
            os.kill(server.pid, signal.SIGCONT)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> FragileServer:
    """The server that the test's mark names."""
    found: FragileServer = request.getfixturevalue(getattr(request, "param", "plain_server"))
    return found


@pytest.fixture
def broker(server: FragileServer) -> Iterator[Broker]:
    made = broker_on(server.server, seal_key=KEY, socket_timeout="2s", feed_max_events=1_000_000)
    yield made
    made.close()


@pytest.fixture
def fleet(server: FragileServer) -> Iterator[Fleet]:
    with Fleet(server.server) as made:
        yield made
