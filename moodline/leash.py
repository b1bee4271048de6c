"""Child processes that end with their parent, in order where that is possible and however the parent ends.

A child runs in a session of its own, so that a Ctrl-C in the terminal reaches only the parent, which then
stops its children in the order that it wants. The price is that nobody would end them if the parent were
killed. Hence the leash: the child's group holds a small shell that reads a pipe from the parent. When the
pipe closes, which the kernel does for a killed parent as well, the shell asks the child to stop and ends its
group ten seconds later.

Linux's PR_SET_PDEATHSIG would need code between fork and exec, is bound to the thread that started the child,
and does not exist on macOS; the pipe has none of these limits.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# $$ is the child's process id: exec keeps it. The number is not reused while this shell lives in its group.
_LEASH = """
exec 3<&0 </dev/null
(
  while read -r _ <&3; do :; done
  kill -TERM $$ || exit 0
  for second in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 $$ || break; done
  kill -KILL -$$
) >/dev/null 2>&1 &
exec 3<&- "$@"
"""


class LeashedProcess:
    """A started process; ``output`` takes its stdout and stderr (``subprocess.PIPE``: read them here)."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        output: int | IO[bytes] = subprocess.DEVNULL,
    ) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the caller's own command, no shell text from outside
            ["/bin/sh", "-c", _LEASH, "moodline-leash", *command],
            env=env,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._process.pid

    @property
    def output(self) -> IO[bytes] | None:
        """The child's stdout and stderr if asked for with ``subprocess.PIPE``; whoever reads it closes it."""
        return self._process.stdout

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Wait at most ``timeout_s``; the exit code, or None if the process still runs."""
        try:
            return self._process.wait(max(timeout_s, 0.0))
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """Ask the process to stop in order; it may take its time."""
        self._process.terminate()

    def stop(self, grace_s: float) -> int:
        """Ask the process to stop, wait at most ``grace_s``, then end its whole group; the exit code."""
        self.terminate()
        self.wait(grace_s)
        return self.kill()

    def kill(self) -> int:
        """End the process and what it left in its group at once; the exit code."""
        with contextlib.suppress(ProcessLookupError):  # everything in the group has ended already
            os.killpg(self.pid, signal.SIGKILL)
        code = self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return code
