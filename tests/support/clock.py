"""A server whose clock can be put forward and back; that of the services stays right."""

from pathlib import Path

from tests.support.brokers import server_binary
from tests.support.needs import command
from tests.support.redis_server import RedisServer


class ClockedServer(RedisServer):
    """The embedded Valkey under libfaketime, which reads from a file by how much its clock is wrong.

    Debian's redis-server does not start under it: its jemalloc asks for the time before libfaketime is ready.
    """

    def __init__(self, folder: Path, *directives: str) -> None:
        command("faketime")
        super().__init__(folder, *directives, binary=server_binary("valkey"))
        self.url = f"redis://127.0.0.1:{self.port}"
        self._wrong_by = folder / "clock"
        self.environ = {
            "LD_PRELOAD": str(next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))),
            "FAKETIME_TIMESTAMP_FILE": str(self._wrong_by),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.set_wrong_by(0)

    def set_wrong_by(self, seconds: float) -> None:
        """Put the server's clock that far ahead of the right time; a negative number puts it behind."""
        fresh = self._wrong_by.with_suffix(".new")
        fresh.write_text(f"{seconds:+.1f}")
        fresh.replace(self._wrong_by)
