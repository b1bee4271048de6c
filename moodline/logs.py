"""Log lines: readable on a terminal, JSON in containers, never with a password in them."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from moodline.redact import redact_text

LogFormat = Literal["auto", "text", "json"]

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _RedactingFormatter(logging.Formatter):
    """Formats as text and redacts every URL, also inside exceptions."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return redact_text(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, service, logger, message and the record's extra fields.

    Those have the same names everywhere: ``stream``, ``crop``, ``events`` (ids; an event has the id of its crop).
    """

    def __init__(self, service: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._fields = {"service": service, **(fields or {})}

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self._fields,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redact_text(json.dumps(line, default=str, ensure_ascii=False))


def configure_logs(
    *, service: str, level: str = "info", style: LogFormat = "auto", fields: Mapping[str, str] | None = None
) -> None:
    """Send all log records to stderr. ``style`` auto means text on a terminal and JSON in a container's log.

    ``fields`` stand in every line of JSON.
    """
    as_json = style == "json" or (style == "auto" and not sys.stderr.isatty() and _in_container())
    handler = logging.StreamHandler(sys.stderr)
    text = f"%(asctime)s %(levelname)-7s {service}: %(message)s"
    handler.setFormatter(JsonFormatter(service, fields) if as_json else _RedactingFormatter(text))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def _in_container() -> bool:
    """Containers get JSON; a plain pipe (``moodline up | tee``) is still read by people."""
    from os import environ
    from pathlib import Path

    marked = any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv"))  # Docker's and podman's
    return marked or "KUBERNETES_SERVICE_HOST" in environ
