"""A Redis Cluster of three nodes on loopback, made of Debian's redis-server, which tests may also break."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import redis

from tests.support.needs import command
from tests.support.wait import wait_until

NODES: Final = 3
_SLOTS: Final = 16384
_CONFIG: Final = """
bind 127.0.0.1
port {port}
cluster-port {bus}
cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout 2000
cluster-require-full-coverage no
maxmemory-policy noeviction
save ""
appendonly yes
appendfsync always
dir {folder}
logfile {folder}/server.log
"""


class Node:
    """One node in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.port, bus = _two_free_ports()
        (folder / "redis.conf").write_text(_CONFIG.format(port=self.port, bus=bus, folder=folder))
        self._process: subprocess.Popen[bytes] | None = None
        self.bus = bus

    def start(self) -> None:
        binary = command("redis-server")
        self._process = subprocess.Popen([binary, str(self.folder / "redis.conf")], env={**os.environ, "LC_ALL": "C"})
        wait_until(self._answers, description=f"the node on port {self.port} answers")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, socket_timeout=5)

    def say(self, *words: str | int) -> Any:
        """Send a command that the client has no method for."""
        return self.client().execute_command(*words)  # type: ignore[no-untyped-call]

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False


class Cluster:
    """Three nodes, each with a third of the slots; ``url`` is the first one's."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [Node(folder / f"node-{number}") for number in range(NODES)]
        self.url = f"redis://127.0.0.1:{self.nodes[0].port}"

    def __enter__(self) -> Self:
        try:
            for node in self.nodes:
                node.start()
            self._join()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self.nodes:
            node.kill()

    def healthy(self) -> bool:
        """Whether every node says that all slots are served and knows all nodes."""
        for node in self.nodes:
            try:
                info = node.say("CLUSTER INFO")
            except redis.RedisError:
                return False
            if info["cluster_state"] != "ok" or int(info["cluster_slots_ok"]) != _SLOTS:
                return False
        return True

    def _join(self) -> None:
        share = -(-_SLOTS // NODES)
        for number, node in enumerate(self.nodes):
            first, last = number * share, min((number + 1) * share, _SLOTS) - 1
            node.say("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.say("CLUSTER", "ADDSLOTSRANGE", first, last)
            if number:
                node.say("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port, self.nodes[0].bus)
        wait_until(self.healthy, description="the cluster is whole", timeout=30)


def _two_free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
