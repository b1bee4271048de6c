"""A Redis Cluster of three nodes on loopback, made of Debian's redis-server, which tests may also break."""

from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import redis

from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.wait import wait_until

NODES: Final = 3
_SLOTS: Final = 16384
_DIRECTIVES: Final = (
    "cluster-enabled yes",
    "cluster-node-timeout 2000",
    "cluster-require-full-coverage no",
    "appendonly yes",
    "appendfsync always",
)


class Node(RedisServer):
    """One node."""

    def __init__(self, folder: Path, *directives: str) -> None:
        self.bus = free_port()
        super().__init__(folder, f"cluster-port {self.bus}", *_DIRECTIVES, *directives)

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, socket_timeout=5)

    def say(self, *words: str | int) -> Any:
        """Send a command that the client has no method for."""
        return self.client().execute_command(*words)  # type: ignore[no-untyped-call]


class Cluster:
    """Three nodes, each with a third of the slots; ``url`` is the first one's."""

    def __init__(self, folder: Path, *directives: str) -> None:
        self.nodes = [Node(folder / f"node-{number}", *directives) for number in range(NODES)]
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
