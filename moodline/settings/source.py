"""What kind of video source a URL names; the one place that decides it."""

import re
from pathlib import Path, PurePosixPath
from typing import Final, Literal
from urllib.parse import urlsplit

SourceKind = Literal["rtsp", "http", "webcam", "file", "picture", "folder", "glob", "demo", "browser"]
"""``file`` is one video; a ``folder`` and a ``glob``, which is a pattern, hold pictures or videos."""

PICTURE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
FILM_SUFFIXES: Final = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm"})
"""What a web server's address ends in where it is a film and no camera."""
VIDEO_SUFFIXES: Final = FILM_SUFFIXES | {".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv", ".3gp", ".gif"}
"""What a video in a folder, or of a pattern, ends in; a file that is named itself may be called as it likes."""
RECORDED_KINDS: Final[frozenset[SourceKind]] = frozenset({"file", "picture", "folder", "glob"})

_SCHEMES: Final[dict[str, SourceKind]] = {
    "rtsp": "rtsp",
    "rtsps": "rtsp",
    "http": "http",
    "https": "http",
}
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_WEBCAM: Final = re.compile(r"\d+|/dev/video\d+", re.ASCII)
_BROWSER: Final = re.compile(r"browser(:.*)?", re.DOTALL)
_GLOB: Final = re.compile(r"[*?\[]")


def source_kind(url: str) -> SourceKind:
    """Return the kind of source that ``url`` names.

    Looks at the disk only to tell a folder from a video file; nothing is opened. Raises ValueError, which
    never repeats the URL, for an empty text, a URL without a host and a scheme that moodline cannot read.
    """
    if not url.strip():
        raise ValueError("is empty; give a URL, a file, a folder, a webcam's number or demo")
    if scheme := _SCHEME.fullmatch(url):
        return _kind_of_scheme(scheme[1].lower(), scheme[2])
    if url == "demo":
        return "demo"
    if _BROWSER.fullmatch(url):
        return "browser"
    if _WEBCAM.fullmatch(url):
        return "webcam"
    return _kind_of_path(url)


def is_recorded(url: str, *, live: bool | None = None) -> bool:
    """Return whether ``url`` is a recording, read to its end without dropping, and not a live source.

    Of a web server's address ``live`` says which it is, or else its path: cameras show no film file.
    """
    kind = source_kind(url)
    if kind != "http":
        return kind in RECORDED_KINDS
    if live is not None:
        return not live
    parts = urlsplit(url)
    return not parts.query and PurePosixPath(parts.path).suffix.lower() in FILM_SUFFIXES


def source_path(url: str) -> Path:
    """Return the path that a recorded source names, without ``file://``; for a glob, the pattern."""
    return Path(url.removeprefix("file://")).expanduser()


def _kind_of_scheme(scheme: str, rest: str) -> SourceKind:
    if scheme == "file":
        return _kind_of_path(rest)
    if scheme not in _SCHEMES:
        raise ValueError(
            f"has the scheme {scheme}://, which moodline cannot read; use rtsp, rtsps, http, https or file"
        )
    if not rest.rpartition("@")[2].strip("/"):
        raise ValueError(f"has no host; write {scheme}://host/path")
    if "@" in rest[len(re.split(r"[/?#]", rest, maxsplit=1)[0]) :]:
        raise ValueError(
            "has an @ after a / ? or #, so that nobody can tell where the password ends; percent-encode these in user, "
            "password and path: / as %2F, ? as %3F, # as %23, @ as %40"
        )
    return _SCHEMES[scheme]


def _kind_of_path(text: str) -> SourceKind:
    try:
        path = source_path(text)
        is_folder, exists = path.is_dir(), path.exists()
    except (OSError, RuntimeError, ValueError):
        raise ValueError("is no path that can be looked at; check its length, its ~ and its rights") from None
    if text.endswith("/") or is_folder:
        return "folder"
    # A file may really be called "clip[1].mp4".
    if _GLOB.search(text) and not exists:
        return "glob"
    return "picture" if path.suffix.lower() in PICTURE_SUFFIXES else "file"
