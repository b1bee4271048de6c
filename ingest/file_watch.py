"""Notices that the configuration file has changed, on a thread of its own: a disk may hang, the streams may not."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from moodline.config.watch import ConfigFile, changed_settings
from moodline.errors import ConfigError
from moodline.metrics import Metrics
from moodline.settings import Settings

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.5


class FileWatch:
    """Hands each new and right version of the file to ``take``, whose thread is the watch's own."""

    def __init__(
        self, file: ConfigFile, settings: Settings, metrics: Metrics, take: Callable[[Settings], None]
    ) -> None:
        self._file = file
        self._started_with = settings
        self._changes = metrics.counter("config_changes")
        for result in ("taken", "refused"):
            self._changes.labels(result)
        self._take = take
        self._warned_of: list[str] = []
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="file-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def look_now(self) -> None:
        """Read the file at once, even if it has not changed; may be called by a signal handler."""
        self._wake.set()

    def end(self) -> None:
        """Watch no longer."""
        self._ended = True
        self._wake.set()

    def _run(self) -> None:
        while True:
            asked = self._wake.wait(_LOOK_S)
            self._wake.clear()
            if self._ended:
                return
            try:
                self._look(asked=asked)
            except Exception:
                log.exception("Looking at %s failed; it is tried again.", self._file.path)

    def _look(self, *, asked: bool) -> None:
        try:
            settings = self._file.look(at_once=asked)
        except ConfigError as error:
            self._changes.labels("refused").inc()
            log.error("The new %s is refused, and the old one goes on:", self._file.path)  # noqa: TRY400 - explained
            for line in str(error).splitlines():
                log.error("%s", line)  # noqa: TRY400
            return
        if settings is None:
            return
        self._changes.labels("taken").inc()
        log.info("%s is read again: %d stream(s).", self._file.path, len(settings.streams))
        self._warn(changed_settings(self._started_with, settings))
        self._take(settings)

    def _warn(self, names: list[str]) -> None:
        if names and names != self._warned_of:
            log.warning(
                "Of %s only the streams change while moodline runs; restart its services for: %s.",
                self._file.path,
                ", ".join(names),
            )
        self._warned_of = names
