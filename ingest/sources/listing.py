"""Which files a recording consists of: those of a folder, or those that a pattern names."""

import glob
import re
from pathlib import Path

from moodline.settings import StreamSettings
from moodline.settings.source import PICTURE_SUFFIXES, VIDEO_SUFFIXES, source_path


def recorded_files(path: Path) -> list[Path]:
    """Return the pictures and videos that a file, folder or pattern names; empty where there are none.

    They are in the order of their names, numbers in them counted as numbers.
    """
    if path.is_file():
        return [path]
    found = path.iterdir() if path.is_dir() else _matching(path)
    known = (file for file in found if file.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES)
    return sorted((file for file in known if file.is_file()), key=_natural_order)


def is_video(path: Path) -> bool:
    """Return whether a file is a video, by its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def shows_video(stream: StreamSettings) -> bool:
    """Return whether a stream consists of video files of this machine, whose frames follow each other."""
    if stream.kind not in {"folder", "glob"}:
        return stream.kind == "file"
    return any(map(is_video, recorded_files(source_path(stream.url.get_secret_value()))))


def _matching(pattern: Path) -> list[Path]:
    return [Path(name) for name in glob.glob(str(pattern), recursive=True)]  # noqa: PTH207 - it may be absolute


def _natural_order(path: Path) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", str(path))
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
