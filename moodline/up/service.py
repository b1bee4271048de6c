"""One service of ``moodline up``: a process that is started again when it dies."""

import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from moodline.errors import ConfigError, MoodlineError
from moodline.leash import LeashedProcess

BACKOFF_FIRST_S = 0.5
BACKOFF_LAST_S = 8.0
MAX_DEATHS = 4
DEATHS_WITHIN_S = 120.0
_WRONG_USAGE = 2
# Date, time, level and service, as moodline.logs writes them for people.
_LOG_PREFIX = re.compile(r"^\d{4}-\d\d-\d\d \S+ [A-Z]+ +[a-z]+: ")

LineSink = Callable[[str, str], None]
"""Takes (service name, log line); called from the service's own reading thread."""


class ServiceFailedError(MoodlineError):
    """A service of ``moodline up`` died again and again."""


class Service:
    """A Python module run as a process.

    ``env`` is asked for its environment at each start; ``on_line`` gets each line that it writes.
    """

    def __init__(
        self,
        name: str,
        module: str,
        *,
        arguments: Sequence[str],
        env: Callable[[], Mapping[str, str]],
        on_line: LineSink,
    ) -> None:
        self.name = name
        # -P: a folder named `api` or `worker` in the user's directory must not be taken for the service.
        self._command = (sys.executable, "-P", "-m", module, *arguments)
        self._env = env
        self._on_line = on_line
        self._process: LeashedProcess | None = None
        self._reader: threading.Thread | None = None
        self._deaths: deque[float] = deque(maxlen=MAX_DEATHS)
        self._start_at = 0.0
        self._last_line = ""

    def start(self) -> None:
        """Start the process; whether it works shows in ``check``."""
        process = LeashedProcess(self._command, env=self._env(), output=subprocess.PIPE)
        assert process.output is not None  # noqa: S101 - asked for in the line above
        self._process = process
        self._reader = threading.Thread(target=self._read, args=(process.output,), daemon=True)
        self._reader.start()

    def check(self) -> None:
        """Notice a death and, when its back-off is over, start the service again.

        Raises ConfigError if the service says that its configuration is wrong, since another try cannot help,
        and ServiceFailedError after ``MAX_DEATHS`` deaths within ``DEATHS_WITHIN_S``.
        """
        now = time.monotonic()
        if self._process is not None:
            code = self._process.poll()
            if code is not None:
                self._bury(code, now)
        elif now >= self._start_at:
            self.start()

    def _bury(self, code: int, now: float) -> None:
        self.kill()  # what it left in its group
        if code == _WRONG_USAGE:
            raise ConfigError(f"The {self.name} cannot run: {self._last_words}")
        self._deaths.append(now)
        if len(self._deaths) == MAX_DEATHS and now - self._deaths[0] <= DEATHS_WITHIN_S:
            raise ServiceFailedError(
                f"The {self.name} died {MAX_DEATHS} times within {DEATHS_WITHIN_S:.0f} s, "
                f"the last time with exit code {code}: {self._last_words}"
            )
        wait_s = min(BACKOFF_FIRST_S * 2 ** (len(self._deaths) - 1), BACKOFF_LAST_S)
        self._start_at = now + wait_s
        self._on_line("up", f"The {self.name} ended with exit code {code}; it starts again in {wait_s:.1f} s.")

    @property
    def _last_words(self) -> str:
        """The sentence of its last log line, which is why it ended."""
        return _LOG_PREFIX.sub("", self._last_line) or "it wrote nothing."

    def terminate(self) -> None:
        """Ask the process to stop in order."""
        if self._process is not None:
            self._process.terminate()

    def wait(self, timeout_s: float) -> bool:
        """Wait at most ``timeout_s`` for the process to end; whether it has."""
        return self._process is None or self._process.wait(timeout_s) is not None

    def kill(self) -> None:
        """End the process and all that it started, at once; afterwards its last lines have been read."""
        if self._process is not None:
            self._process.kill()
            self._process = None
        if self._reader is not None:
            self._reader.join(timeout=1.0)

    def _read(self, output: IO[bytes]) -> None:
        with output:
            for raw in output:
                line = raw.decode("utf-8", errors="replace").rstrip()
                if line:
                    self._last_line = line
                    self._on_line(self.name, line)
