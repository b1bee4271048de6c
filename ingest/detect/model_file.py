"""Where YuNet's model comes from: the configured path, the user's cache, or one download.

The model is not part of moodline; its digest is, so that no other file is ever taken from the cache
or the network.
"""

import contextlib
import hashlib
import logging
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from moodline.errors import ConfigError

log = logging.getLogger(__name__)

MODEL_NAME: Final = "face_detection_yunet_2023mar.onnx"
MODEL_SHA256: Final = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
# The repository keeps its models in Git LFS, and this is where their content lies.
MODEL_URL: Final = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/" + MODEL_NAME
)
DOWNLOAD_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 1_000_000
_TRY_AGAIN_S: Final = 3600.0

Fetch = Callable[[str], bytes]


def find_model(configured: Path | None, *, download: bool, fetch: Fetch | None = None) -> Path | None:
    """Return YuNet's model file, or None, with one warning, where it cannot be had.

    Raises ConfigError when the ``configured`` path is no file.
    """
    if configured is not None:
        if not configured.is_file():
            raise ConfigError(
                f"ingest.detector_model is {configured}, and there is no such file: correct the path, "
                "or remove the setting to have the model downloaded."
            )
        return configured
    cached = cache_folder() / MODEL_NAME
    if _is_the_model(cached):
        return cached
    if not download:
        _warn("it is not in the cache, and ingest.detector_download is off")
        return None
    if failed := _failed_lately():
        _warn(f"{failed}; the next try is due an hour after that")
        return None
    try:
        _store((fetch or _fetch)(MODEL_URL), cached)
    except (OSError, ValueError) as error:
        _remember_failure(str(error))
        _warn(f"downloading it failed: {error}")
        return None
    _failure_note().unlink(missing_ok=True)
    log.info("YuNet's model (233 kB) was downloaded from %s to %s.", MODEL_URL, cached)
    return cached


def cache_folder() -> Path:
    """Return moodline's folder in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "moodline"


def _is_the_model(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == MODEL_SHA256


def _failure_note() -> Path:
    """Where a failed download is noted: the next start shall neither wait for the network nor say it anew."""
    return cache_folder() / f"{MODEL_NAME}.failed"


def _failed_lately() -> str | None:
    """Return what went wrong in the last hour and when; None where nothing did."""
    try:
        note = _failure_note()
        passed_s = time.time() - note.stat().st_mtime
        reason = note.read_text("utf-8", "replace")
    except OSError:
        return None
    return f"downloading it failed {passed_s / 60:.0f} minutes ago: {reason}" if 0 <= passed_s < _TRY_AGAIN_S else None


def _remember_failure(reason: str) -> None:
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a try at the next start
        _failure_note().parent.mkdir(parents=True, exist_ok=True)
        _failure_note().write_text(reason, "utf-8")


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as answer:  # noqa: S310 - MODEL_URL, https
        content: bytes = answer.read(_MOST_BYTES)
    return content


def _store(content: bytes, path: Path) -> None:
    """Write the model so that nobody ever sees half of it. Raises ValueError for anything but the model."""
    digest = hashlib.sha256(content).hexdigest()
    if digest != MODEL_SHA256:
        raise ValueError(f"what was downloaded is another file (sha256 {digest[:12]}...)")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
        part.write(content)
    Path(part.name).replace(path)


def _warn(reason: str) -> None:
    log.warning(
        "YuNet's model cannot be had (%s): faces are found with the Haar cascade, which misses small and "
        "turned ones. To mend it, put %s somewhere and set ingest.detector_model to its path.",
        reason,
        MODEL_NAME,
    )
