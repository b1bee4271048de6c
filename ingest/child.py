"""One capture process as its supervisor sees it."""

import time
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import TYPE_CHECKING, Final

from ingest.beat import Beat
from ingest.job import CaptureJob
from ingest.link import ask_to_stop

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# Longer than Redis may keep a beat waiting: two tries of a frame and one report, 5 s each.
HUNG_AFTER_S: Final = 30.0
# All other streams wait so long.
_KILL_WITHIN_S: Final = 1.0
_parked: list[ForkServerProcess] = []  # killed, and perhaps not yet gone


class CaptureProcess:
    """A started capture process."""

    def __init__(self, context: ForkServerContext, job: CaptureJob) -> None:
        ours, theirs = context.Pipe()
        self.connection: Connection[str, Beat] = ours
        self._process = context.Process(
            target=_run_capture, args=(job, theirs), name=f"capture-{job.stream.id}", daemon=True
        )
        try:
            self._process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()  # else this end would never see the other one's death
        self._heard_s = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.exitcode

    @property
    def is_hung(self) -> bool:
        """Whether the process has shown no sign of life for too long."""
        return time.monotonic() - self._heard_s > HUNG_AFTER_S

    def beats(self) -> list[Beat]:
        """Return the signs of life that have come since the last call."""
        beats = []
        try:
            while self.connection.poll():
                beats.append(self.connection.recv())
        except (EOFError, OSError):
            pass  # it has ended: exit_code tells
        if beats:
            self._heard_s = time.monotonic()
        return beats

    def ask_to_stop(self, why: str = "") -> None:
        """Ask for an orderly stop; ``why`` is a sentence for the stream's state."""
        ask_to_stop(self.connection, why)

    def wait(self, timeout_s: float) -> None:
        """Wait at most that long for the process to end."""
        self._process.join(max(0.0, timeout_s))

    def kill(self) -> None:
        """End the process at once, if it still runs, and clear up after it.

        One that the kernel does not let go, as where a network file system hangs, is cleared up after later.
        """
        if self._process.exitcode is None:
            self._process.kill()
        self._process.join(_KILL_WITHIN_S)
        self.connection.close()
        _parked.append(self._process)
        for process in list(_parked):
            if process.exitcode is not None:
                _parked.remove(process)
                process.close()


def is_any_left() -> bool:
    """Return whether a process that was killed is still there; Python waits for it before it ends."""
    return any(process.exitcode is None for process in _parked)


def _run_capture(job: CaptureJob, connection: "Connection[Beat, str]") -> None:
    from ingest.process import run_capture  # not above: the supervisor needs no OpenCV

    run_capture(job, connection)
