"""The generated documentation and the example file stay true."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from moodline.config import docs
from moodline.config.check import check_config
from moodline.config.schema import Model, is_collection, nested_model
from moodline.config.words import type_words, unit_words
from moodline.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "moodline.yaml"


def fields_of(model: Model, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, info in model.model_fields.items():
        yield f"{prefix}{name}", info
        if nested := nested_model(info.annotation):
            yield from fields_of(nested, f"{prefix}{name}.")


SETTINGS = list(fields_of(Settings))


def test_the_page_is_what_the_declarations_say() -> None:
    assert docs.main(["--check", "--output", str(ROOT / docs.PAGE)]) == 0


def test_a_page_out_of_date_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "docs" / "configuration.md"
    assert docs.main(["--check", "--output", str(page)]) == 1
    assert docs.main(["--output", str(page)]) == 0
    assert docs.main(["--check", "--output", str(page)]) == 0
    page.write_text(page.read_text() + "more\n")
    assert docs.main(["--check", "--output", str(page)]) == 1
    assert "is out of date; run python -m moodline.config.docs" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "info"), SETTINGS)
def test_every_setting_has_a_reason_and_stands_on_the_page(name: str, info: FieldInfo) -> None:
    assert info.description
    section, _, setting = name.rpartition(".")
    assert (f"| `{setting}` |" if section else f"## {setting}") in docs.render()


@pytest.mark.parametrize(("name", "info"), SETTINGS)
def test_every_number_has_a_unit(name: str, info: FieldInfo) -> None:
    kinds = ("whole number", "number", "duration", "size")
    is_group = nested_model(info.annotation) is not None or is_collection(info.annotation)
    if not is_group and type_words(info).startswith(kinds):
        assert unit_words(info), name


def test_the_example_is_valid_and_shows_the_demo_camera() -> None:
    assert check_config(EXAMPLE, {}) == []
    assert [stream.kind for stream in load_settings(EXAMPLE, {}).streams] == ["demo"]


def test_what_the_example_has_in_comments_is_valid_too(tmp_path: Path) -> None:
    # Words have one blank after the #, settings none or the blanks of their indentation.
    text = re.sub(r"^( *)#(?! \S)", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    full = tmp_path / "moodline.yaml"
    full.write_text(text)
    assert check_config(full, {"FRONT_DOOR_PASSWORD": "x"}) == []
    settings = load_settings(full, {"FRONT_DOOR_PASSWORD": "p%40ss"})
    assert [stream.kind for stream in settings.streams] == ["demo", "rtsp", "webcam", "browser", "file", "glob"]
    assert settings.worker.emotions == ("angry", "happy", "neutral", "sad")


def test_what_the_page_says_about_defaults_is_what_is_loaded() -> None:
    assert "| `batch_size` | whole number, at least 1, at most 4096 | `64` | crops |" in docs.render()
    assert "| `url` | text, secret | unset |  | `REDIS_URL` |" in docs.render()
    assert "`MOODLINE_SEAL_KEY`" in docs.render()
