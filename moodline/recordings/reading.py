"""Ingest for one recording: a process of its own, started again where it dies, and ended with its parent."""

import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final

from moodline.errors import ConfigError, MoodlineError
from moodline.leash import LeashedProcess

log = logging.getLogger(__name__)

_MOST_DEATHS: Final = 3
_WRONG_USAGE: Final = 2
_STOPS_WITHIN_S: Final = 7.0
_LOG_PREFIX: Final = re.compile(r"^\d{4}-\d\d-\d\d \S+ [A-Z]+ +\S+: ")


class ReadingFailedError(MoodlineError):
    """The recording could not be read to its end."""


class Reading:
    """``python -m ingest`` with one stream in its environment; what it writes goes to ``on_line``."""

    def __init__(self, env: Mapping[str, str], arguments: Sequence[str], on_line: Callable[[str], None]) -> None:
        self._command = (sys.executable, "-P", "-m", "ingest", "--exit-when-ended", "--alone", *arguments)
        self._env = env
        self._on_line = on_line
        self._process: LeashedProcess | None = None
        self._listener: threading.Thread | None = None
        self._deaths = 0
        self._last_line = ""

    def start(self) -> None:
        """Start the process."""
        process = LeashedProcess(self._command, env=self._env, output=subprocess.PIPE)
        assert process.output is not None  # noqa: S101 - asked for in the line above
        self._process = process
        self._listener = threading.Thread(target=self._listen, args=(process.output,), daemon=True)
        self._listener.start()

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def again(self) -> None:
        """Take in that the process ended before the recording did, and start it again, a few times.

        Raises ConfigError where another try cannot help, and ReadingFailedError after some deaths, with its last words.
        """
        code = self._process.poll() if self._process else None
        self.kill()
        words = _LOG_PREFIX.sub("", self._last_line) or "it wrote nothing."
        if code == _WRONG_USAGE:
            raise ConfigError(f"The video cannot be read: {words}")
        self._deaths += 1
        if self._deaths >= _MOST_DEATHS:
            raise ReadingFailedError(f"Reading the video failed {self._deaths} times, the last time with: {words}")
        log.warning("Reading the video ended with exit code %s and goes on in a new process.", code)
        self.start()

    def stop(self) -> None:
        """Let no new face in, in order."""
        if self._process is not None:
            self._process.stop(_STOPS_WITHIN_S)

    def kill(self) -> None:
        """End the process at once; harmless where it has ended."""
        if self._process is not None:
            self._process.kill()
        if self._listener is not None:
            self._listener.join(timeout=1.0)

    def _listen(self, output: IO[bytes]) -> None:
        with output:
            for raw in output:
                line = raw.decode("utf-8", errors="replace").rstrip()
                if line:
                    self._last_line = line
                    self._on_line(line)
