"""Which code and which libraries made a model."""

import hashlib
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def code_version() -> str:
    """Version of moodline and a hash over the trainer's sources: `0.1.0+1a2b3c4d5e6f`."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in {".py", ".toml"}:
            digest.update(path.name.encode() + path.read_bytes())
    return f"{_version('moodline')}+{digest.hexdigest()[:12]}"


def library_versions() -> dict[str, str]:
    """Versions of Python, Keras, its backend and NumPy."""
    import keras

    names = ["keras", keras.config.backend(), "numpy"]
    return {"python": platform.python_version()} | {name: _version(name) for name in names}


def machine_and_day() -> str:
    """Where and when something was measured."""
    return f"{os.cpu_count()} CPU cores, {platform.system()} {platform.machine()}, {datetime.now(UTC):%Y-%m-%d}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "0.0.0"
