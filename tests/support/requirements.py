"""Requirements, followed through the distributions that are installed."""

from importlib.metadata import PackageNotFoundError

import pytest

from deploy.sbom import installed_by
from tests.support.repository import requirement_texts


def closure(*extras: str) -> set[str]:
    """Return the names of what ``moodline[extras]`` installs here, itself left out."""
    texts = requirement_texts()
    try:
        return installed_by([text for extra in ("", *extras) for text in texts[extra]])
    except PackageNotFoundError as error:
        pytest.fail(f"{error.name} is required but not installed: run make test")
