"""Checks a configuration file for ``moodline check-config``."""

from collections.abc import Mapping
from pathlib import Path

from moodline.errors import ConfigError
from moodline.settings import load_settings


def check_config(path: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return a line for everything wrong in ``path`` and the environment's overrides, none if all is well."""
    try:
        load_settings(path, environ)
    except ConfigError as error:
        return str(error).splitlines()
    return []
