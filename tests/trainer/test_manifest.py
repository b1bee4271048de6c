import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from moodline.errors import ModelError
from moodline.manifest import read_manifest, verify_model


@pytest.fixture
def model(committed_model: Path, tmp_path: Path) -> Path:
    """A copy of the committed model that a test may damage."""
    return Path(shutil.copytree(committed_model, tmp_path / "model"))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_whole_model_is_accepted(model: Path) -> None:
    manifest = verify_model(model)
    assert (manifest.name, manifest.version, manifest.file) == ("vgg11-ferplus", 1, "model.keras")


def _garble(path: Path) -> None:
    path.write_text('{"schema": 1, "name": ')


@pytest.mark.parametrize(
    ("file", "damage", "what"),
    [
        ("model.keras", _cut, "bytes instead of"),
        ("model.keras", _flip, "has sha256"),
        ("model.keras", Path.unlink, "is missing"),
        ("manifest.json", _garble, "is damaged"),
        ("manifest.json", Path.unlink, "is missing"),
    ],
)
def test_damage_is_one_sentence_with_the_file_and_the_remedy(
    model: Path, file: str, damage: Callable[[Path], None], what: str
) -> None:
    damage(model / file)
    with pytest.raises(ModelError) as caught:
        verify_model(model)
    message = str(caught.value)
    assert message.startswith(str(model / file))
    assert what in message
    assert "\n" not in message
    assert message.endswith((".", "again."))


def test_a_manifest_with_a_wrong_value_names_it(model: Path) -> None:
    path = model / "manifest.json"
    path.write_text(path.read_text().replace('"temperature":', '"warmth":'))
    with pytest.raises(ModelError, match=r"temperature: Field required"):
        read_manifest(model)


def test_a_manifest_cannot_name_a_file_outside_its_folder(model: Path) -> None:
    path = model / "manifest.json"
    path.write_text(path.read_text().replace('"model.keras"', '"../model.keras"'))
    with pytest.raises(ModelError, match="is damaged"):
        read_manifest(model)
