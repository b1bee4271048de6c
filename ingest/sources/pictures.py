"""Pictures as a recording: a file, a folder or a pattern, one frame each."""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final, cast

import cv2

from ingest.sources.base import Frame, NotFound, Pixels, Unsupported
from ingest.sources.listing import recorded_files
from ingest.sources.playback import Playback, Player, RecordedFrame

log = logging.getLogger(__name__)

PICTURE_MS: Final = 1000.0
"""How long each picture stands on the recording's clock."""


class Pictures:
    """Pictures in the order of their names, numbers in them counted as numbers."""

    def __init__(self, path: Path, *, playback: Playback) -> None:
        self._path = path
        self._player = Player(playback, of_now=True)
        self._files: list[Path] = []

    def open(self) -> None:
        """List the pictures. Raises NotFound where there are none."""
        self._files = recorded_files(self._path)
        if not self._files:
            raise NotFound(f"There is no picture or video at {self._path}: check the stream's url.")

    def frames(self) -> Iterator[Frame]:
        """Yield the pictures; one that cannot be decoded is passed over with a warning.

        Raises Unsupported when none of them could be decoded.
        """
        some = False
        for frame in self._player.play(self._one_pass):
            some = True
            yield frame
        if not some and not any(_decode(path) is not None for path in self._files):
            raise Unsupported(f"No picture at {self._path} can be decoded: they are damaged or no pictures.")

    def close(self) -> None:
        """Forget the list."""
        self._files = []

    def _one_pass(self) -> Iterator[RecordedFrame]:
        for index, path in enumerate(self._files):
            yield RecordedFrame(index * PICTURE_MS, partial(_decode, path), continues=False)


def _decode(path: Path) -> Pixels | None:
    try:
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error:  # larger than OPENCV_IO_MAX_IMAGE_PIXELS, or a header that lies
        pixels = None
    if pixels is None:
        log.warning("%s is damaged, too large or no picture: it is passed over", path)
    return cast("Pixels | None", pixels)
