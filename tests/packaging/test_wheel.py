"""What an installation gets: all that the services load at run time, and nothing else."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from moodline import __version__
from tests.support.repository import PACKAGES, ROOT, own_files

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_it_holds_every_file_of_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {path.relative_to(ROOT).as_posix() for path in own_files()}

    assert packed == {name for name in expected if name.split("/")[0] in PACKAGES}


@pytest.mark.parametrize(
    "pattern",
    [
        "moodline/lua/*.lua",
        "worker/models/*/*/model.keras",
        "trainer/recipes/*.toml",
        "trainer/report/page.html",
        "api/static/*.html",
        "moodline/py.typed",
    ],
)
def test_it_holds_the_data_that_the_services_load(wheel: zipfile.ZipFile, pattern: str) -> None:
    assert any(Path(name).match(pattern) for name in wheel.namelist())


def test_it_can_be_downloaded_in_reasonable_time(wheel: zipfile.ZipFile) -> None:
    assert sum(entry.compress_size for entry in wheel.infolist()) < 40 * MIB


def test_its_metadata_keep_it_off_public_indexes(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = Parser().parsestr(wheel.read(name).decode())

    assert metadata["Name"] == "moodline"
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Private :: Do Not Upload" in metadata.get_all("Classifier", [])
