"""Worker processes on a private server, as a user would run them."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

from tests.support.brokers import Server
from tests.support.ports import free_port
from tests.support.repository import ROOT
from tests.support.wait import wait_until

READY_S = 90.0
"""Loading a model takes seconds, on a busy machine many."""


class WorkerProcess:
    """A worker that logs into a file; ``port`` serves its metrics."""

    def __init__(self, environ: Mapping[str, str], port: int, module: str = "worker") -> None:
        self.port = port
        with tempfile.NamedTemporaryFile(prefix="worker-", suffix=".log", delete=False) as log:
            self._log = Path(log.name)
            command = [sys.executable, "-m", module]
            self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ}, stderr=log, stdout=log)

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def metric(self, name: str) -> float | None:
        """Return the sum of a metric's values, None while nothing answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=2) as answer:
                text = answer.read().decode()
        except OSError:
            return None
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, f"the worker has ended:\n{self.log()}"
            return self.metric("moodline_worker_ready") == 1

        wait_until(ready, description="the worker is ready", timeout=READY_S)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 15) -> int:
        return self.process.wait(timeout)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self._log.unlink(missing_ok=True)


def start_worker(server: Server, seal_key: str, *, module: str = "worker", **settings: str) -> WorkerProcess:
    """Start a worker; settings as ``batch_size="8"``."""
    port = free_port()
    environ = {"REDIS_URL": server.url, "MOODLINE_SEAL_KEY": seal_key, "MOODLINE_WORKER__METRICS_PORT": str(port)}
    environ |= {f"MOODLINE_WORKER__{name.upper()}": value for name, value in settings.items()}
    return WorkerProcess(environ, port, module)
