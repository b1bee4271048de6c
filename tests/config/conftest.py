"""Configuration files for the tests of this folder."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from moodline.config.check import check_config
from moodline.settings import Settings, load_settings

Write = Callable[[str], Path]
Load = Callable[..., Settings]
Errors = Callable[..., list[str]]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write ``moodline.yaml`` into an empty current folder."""
    monkeypatch.chdir(tmp_path)

    def write_file(text: str) -> Path:
        path = Path("moodline.yaml")
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def load(write: Write) -> Load:
    """Load settings from a text, with nothing in the environment but what is given."""

    def load_text(text: str, environ: Mapping[str, str] | None = None) -> Settings:
        return load_settings(write(text), environ or {})

    return load_text


@pytest.fixture
def errors(write: Write) -> Errors:
    """Return the lines that ``check-config`` prints for a text."""

    def errors_in(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        return check_config(write(text), environ or {})

    return errors_in
