"""Durations and sizes as text."""

import math
import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_NUMBER: Final = r"\d+(?:\.\d+)?"
_PART: Final = re.compile(rf"({_NUMBER})\s*(ms|[smhdw])\s*", re.ASCII)
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_HELP: Final = "write it as 500ms, 2s, 15m, 1h, 1h30m, 7d, PT2S or as a number of seconds"


def parse_duration(value: object) -> object:
    """Turn ``2s``, ``500ms``, ``1h30m`` or a number of seconds into a timedelta.

    ISO 8601 text (``PT2S``) and anything that is neither text nor number is left to pydantic.
    Raises ValueError, which never repeats the value.
    """
    if isinstance(value, bool):
        raise ValueError(f"is not a duration; {_HELP}")  # noqa: TRY004 - pydantic collects ValueErrors only
    try:
        if isinstance(value, int | float):
            return _seconds(value)
        return _parse_text(value.strip()) if isinstance(value, str) else value
    except OverflowError:
        raise ValueError("is longer than any duration can be; use a shorter one") from None


def _seconds(value: float) -> timedelta:
    if not math.isfinite(value):
        raise ValueError(f"is not a finite duration; {_HELP}")
    return timedelta(seconds=value)


def _parse_text(text: str) -> timedelta | str:
    if _WHOLE.fullmatch(text):
        parts = (float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
        return sum(parts, start=timedelta())
    if re.fullmatch(_NUMBER, text, re.ASCII):
        return _seconds(float(text))
    if text.startswith("P"):
        return text
    raise ValueError(f"is not a duration; {_HELP}")


def format_duration(value: timedelta) -> str:
    """Return ``value`` as ``parse_duration`` reads it, in the largest unit without a fraction: ``90s``."""
    for unit in ("d", "h", "m", "s", "ms"):
        if value and value % _UNITS[unit] == timedelta():
            return f"{value // _UNITS[unit]}{unit}"
    return f"{value.total_seconds():f}".rstrip("0").rstrip(".") + "s"


def format_size(value: int) -> str:
    """Return bytes as ``8MiB``, in the largest unit that needs no fraction."""
    for exponent, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if value and value % 1024**exponent == 0:
            return f"{value // 1024**exponent}{unit}"
    return f"{value}B"
