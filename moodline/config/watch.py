"""Watches the configuration file by reading it now and then.

A few kilobytes a second cost nothing, and unlike file system events it sees everything: an editor that replaces the
file, a Kubernetes config map whose folder is swapped by a link, a network file system that reports nothing.
"""

from collections.abc import Mapping
from pathlib import Path

from moodline.settings import Settings, load_settings


class ConfigFile:
    """A configuration file and what it held when it was last looked at."""

    def __init__(self, path: Path, environ: Mapping[str, str] | None = None) -> None:
        """Take what the file holds now as known."""
        self.path = path
        self._environ = environ
        self._taken = self._seen = self._content()

    def look(self, *, at_once: bool = False) -> Settings | None:
        """Return the settings where the file has changed since they were last taken, else None.

        A change counts when the file was found the same twice in a row, so that none is taken half-written; with
        ``at_once`` the file is taken as it stands, changed or not. Raises ConfigError, once for each wrong content.
        """
        content = self._content()
        is_steady, self._seen = content == self._seen, content
        if not at_once and (content == self._taken or not is_steady):
            return None
        self._taken = content
        return load_settings(self.path, self._environ)

    def _content(self) -> bytes | None:
        try:
            return self.path.read_bytes()
        except OSError:
            return None  # load_settings says why


def changed_settings(before: Settings, after: Settings) -> list[str]:
    """Return the names of the settings beside the streams that differ: ``redis.url``."""
    return [
        f"{section}.{name}"
        for section in type(before).model_fields
        if section != "streams"
        for name in type(getattr(before, section)).model_fields
        if getattr(getattr(before, section), name) != getattr(getattr(after, section), name)
    ]
