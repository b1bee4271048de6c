"""A server on a loopback port with directives of the test's own; Debian's redis-server, unless another is given."""

import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.needs import command
from tests.support.ports import free_port
from tests.support.wait import wait_until


class RedisServer:
    """A server in a folder of its own; ``port`` may carry TLS instead."""

    def __init__(self, folder: Path, *directives: str, tls: bool = False, binary: Path | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.environ: dict[str, str] = {}
        self._binary = binary or Path(command("redis-server"))
        self.folder = folder
        self.port = free_port()
        listen = f"port 0\ntls-port {self.port}" if tls else f"port {self.port}"
        common = f"bind 127.0.0.1\n{listen}\ndir {folder}\nlogfile {folder}/server.log\nsave ''"
        (folder / "redis.conf").write_text("\n".join([common, "maxmemory-policy noeviction", *directives, ""]))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        (self.folder / "server.log").unlink(missing_ok=True)
        words = [str(self._binary), str(self.folder / "redis.conf")]
        self._process = subprocess.Popen(words, env={**os.environ, "LC_ALL": "C", **self.environ})
        wait_until(self._ready, description=f"the server on port {self.port} is ready")
        return self

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def log(self) -> str:
        file = self.folder / "server.log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        return "Ready to accept connections" in self.log()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
