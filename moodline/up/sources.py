"""Names for the sources that a command line gives by URL alone."""

import re
from collections.abc import Iterable, Iterator

from moodline.settings.source import RECORDED_KINDS, source_kind, source_path

_LONGEST_NAME = 48


def name_sources(urls: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (stream id, url) for each url, ids unique: ``demo``, a file's name, else ``camera-1``.

    A url that names no source gets a name as well: the settings say what is wrong with it.
    """
    used: set[str] = set()
    cameras = 0
    for url in urls:
        name = _name(url)
        if name is None:
            cameras += 1
            name = f"camera-{cameras}"
        stream = _unused(name, used)
        used.add(stream)
        yield stream, url


def _name(url: str) -> str | None:
    """Return the natural name of a source; None for a camera, which has only an address."""
    try:
        kind = source_kind(url)
    except ValueError:
        return None
    if kind in ("demo", "browser"):
        return kind
    if kind not in RECORDED_KINDS:
        return None
    path = source_path(url)
    # The stem of `faces/*.jpg` is no name.
    return _slug(path.stem) or _slug(path.absolute().parent.name) or "recording"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")[:_LONGEST_NAME]


def _unused(name: str, used: set[str]) -> str:
    candidate, number = name, 1
    while candidate in used:
        number += 1
        candidate = f"{name}-{number}"
    return candidate
