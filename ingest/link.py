"""How a capture process and its supervisor talk: beats go up, the wish to stop comes down."""

import contextlib
import threading
from typing import TYPE_CHECKING, Final

from ingest.beat import Beat

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

EXIT_DONE: Final = 0
"""The recording has ended, or the process was asked to stop."""
EXIT_AGAIN: Final = 1
"""The process could not go on, a new one may: also what Python exits with after an unforeseen error."""
EXIT_AWAY: Final = 2
"""The recording's server is away, as the last beat says; a new process tries again."""
EXIT_FAILED: Final = 3
"""The stream cannot be read, now or later."""
EXIT_LOST: Final = 4
"""The stream is another reader's now, or has been removed."""


class CaptureLink:
    """The capture process's end. ``stop`` is set when the supervisor says so, and when it has died.

    ``why`` is the sentence that the supervisor gave as its reason, if it gave one.
    """

    def __init__(self, connection: "Connection[Beat, str]") -> None:
        self._connection = connection
        self.stop = threading.Event()
        self.why = ""
        threading.Thread(target=self._listen, name="supervisor-link", daemon=True).start()

    def send(self, beat: Beat) -> None:
        """Show a sign of life."""
        with contextlib.suppress(OSError):  # the supervisor is gone: the listener sees it too
            self._connection.send(beat)

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            self.why = self._connection.recv()
        self.stop.set()


def ask_to_stop(connection: "Connection[str, Beat]", why: str = "") -> None:
    """Ask the capture process at the other end to stop in order; ``why`` becomes the stream's sentence."""
    with contextlib.suppress(OSError):  # it has stopped already
        connection.send(why)
