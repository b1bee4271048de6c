"""What FFmpeg and OpenCV write to the file descriptors 1 and 2: redacted, and readable as a diagnosis.

OpenCV says only False when a source does not open. The reason stands on stderr, or on stdout where somebody has
asked for OPENCV_FFMPEG_DEBUG, and so does, at times, the password.
"""

import logging
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TextIO

from moodline.redact import redact_text, secrets_of

log = logging.getLogger(__name__)

KEPT_LINES: Final = 100
_MARK: Final = "moodline-mark "
_DRAIN_TIMEOUT_S: Final = 1.0
# As in: [rtsp @ 0x5599b2e53940] and [ WARN:0@1.858] global cap.cpp:212 open
_ORIGIN: Final = re.compile(r"^\[[^\]]*\]\s*(?:global \S+ \S+ )?")

ReadLines = Callable[[], Sequence[str]]
"""Returns what native code has written since the last call."""


def no_lines() -> Sequence[str]:
    """Return nothing: for callers that leave the file descriptors alone."""
    return ()


class NativeStderr:
    """Owns the file descriptors 1 and 2 of this process from ``__init__`` on.

    Python's ``sys.stdout`` and ``sys.stderr`` keep the old ones.

    ``url`` is the source's address, whose user, password and query values are taken out of every line, however
    they are quoted.
    """

    def __init__(self, url: str) -> None:
        self._secrets = secrets_of(url)
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._marks_seen = 0
        self._changed = threading.Condition()
        sys.stdout, sys.stderr = _moved(1), _moved(2)
        read_end, write_end = os.pipe()
        for descriptor in (1, 2):
            os.dup2(write_end, descriptor)
        os.close(write_end)
        threading.Thread(target=self._read, args=(read_end,), name="native-stderr", daemon=True).start()

    def take(self) -> list[str]:
        """Return the redacted lines written since the last call, all that this process has written so far."""
        with self._changed:
            wanted = self._marks_seen + 1
        os.write(2, f"\n{_MARK}\n".encode())
        with self._changed:
            self._changed.wait_for(lambda: self._marks_seen >= wanted, _DRAIN_TIMEOUT_S)
            lines = list(self._lines)
            self._lines.clear()
        return lines

    def _read(self, read_end: int) -> None:
        with os.fdopen(read_end, encoding="utf-8", errors="replace") as pipe:
            for line in pipe:
                self._keep(line.strip())

    def _keep(self, line: str) -> None:
        if line == _MARK.strip():
            with self._changed:
                self._marks_seen += 1
                self._changed.notify_all()
        elif line:
            safe = redact_text(without_secrets(line, self._secrets))
            log.debug("%s", safe)
            with self._changed:
                self._lines.append(_ORIGIN.sub("", safe))


def without_secrets(text: str, secrets: frozenset[str]) -> str:
    """Return ``text`` with every one of ``secrets`` replaced by ``***`` where it stands as a word of its own."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return text


def _moved(descriptor: int) -> TextIO:
    """Return a text stream on a copy of a descriptor, where Python's own lines go on."""
    return os.fdopen(os.dup(descriptor), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
