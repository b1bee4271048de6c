"""The picture of a probe: a frame with its faces marked."""

from pathlib import Path
from typing import Final

import cv2

from ingest.probe.look import Sight
from moodline.errors import ConfigError, MoodlineError

_GREEN: Final = (80, 220, 60)
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


def check_still(path: Path) -> None:
    """Raise ConfigError where no picture can be written at ``path``."""
    if not path.suffix or not cv2.haveImageWriter(path.name):
        raise ConfigError(f"--picture {path}: give a name that ends in .jpg or .png.")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"--picture {path}: there is no folder {path.absolute().parent}.")


def write_still(path: Path, sight: Sight) -> None:
    """Write a frame with the boxes and scores of its faces. Raises MoodlineError where the disk refuses."""
    pixels = sight.pixels.copy()
    thickness = max(1, round(pixels.shape[1] / 320))
    for crop in sight.crops:
        box = crop.box
        corner = (box.x, box.y)
        cv2.rectangle(pixels, corner, (box.x + box.width, box.y + box.height), _GREEN, thickness)
        words = f"{crop.score:.2f} {box.width}x{box.height}"
        cv2.putText(pixels, words, (box.x, max(12, box.y - 4)), _FONT, 0.4 * thickness, _GREEN, max(1, thickness // 2))
    encoded = cv2.imencode(path.suffix, pixels)[1]
    try:
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise MoodlineError(f"--picture {path} cannot be written: {error.strerror}.") from error
