"""Values in files of a secrets folder, as Docker and Kubernetes mount them."""

from pathlib import Path

import pytest

from tests.config.conftest import Errors, Load

SECRET = "hunter2 swordfish/@"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "secrets"
    found.mkdir()
    (found / "REDIS_PASSWORD").write_text(f"{SECRET}\n")
    (found / "FRONT_DOOR_PASSWORD").write_text("door\r\n")
    # What lies beside them: Kubernetes' own links, and files that are nobody's variable.
    (found / "..data").mkdir()
    (found / "README.md").write_text("notes")
    return found


DOOR = "streams: [{id: door, url: 'rtsp://u:${FRONT_DOOR_PASSWORD}@camera/1'}]"


def test_a_file_is_the_variable_of_its_name(load: Load, folder: Path) -> None:
    settings = load(DOOR, {"MOODLINE_SECRETS": str(folder)})

    assert settings.redis.password is not None
    assert settings.redis.password.get_secret_value() == SECRET
    assert settings.streams[0].url.get_secret_value() == "rtsp://u:door@camera/1"


def test_the_environment_goes_before_it(load: Load, folder: Path) -> None:
    settings = load("", {"MOODLINE_SECRETS": str(folder), "REDIS_PASSWORD": "other"})

    assert settings.redis.password is not None
    assert settings.redis.password.get_secret_value() == "other"


def test_several_folders_are_read_and_the_first_goes_first(load: Load, folder: Path, tmp_path: Path) -> None:
    cameras = tmp_path / "cameras"
    cameras.mkdir()
    (cameras / "FRONT_DOOR_PASSWORD").write_text("other")
    (cameras / "MOODLINE_WORKER__BATCH_SIZE").write_text("7")
    settings = load(DOOR, {"MOODLINE_SECRETS": f"{folder}:{cameras}"})

    assert settings.streams[0].url.get_secret_value() == "rtsp://u:door@camera/1"
    assert settings.worker.batch_size == 7


def test_without_folders_nothing_is_read(load: Load, folder: Path) -> None:
    assert folder.exists()
    assert load("", {}).redis.password is None


def test_what_cannot_be_read_is_named_and_never_shown(errors: Errors, folder: Path) -> None:
    (folder / "EMPTY").write_text("\n")
    (folder / "BYTES").write_bytes(b"\xff\xfe" + SECRET.encode())
    (folder / "LARGE").write_text(SECRET * 10_000)
    lines = errors("", {"MOODLINE_SECRETS": f"{folder}:/nowhere/secrets"})

    assert lines == [
        f"MOODLINE_SECRETS: {folder}/BYTES: is no text in UTF-8; write base64 for bytes",
        f"MOODLINE_SECRETS: {folder}/EMPTY: is empty; fill it in, or remove it",
        f"MOODLINE_SECRETS: {folder}/LARGE: is larger than 65536 bytes, so it is no secret of moodline's",
        "MOODLINE_SECRETS: /nowhere/secrets: cannot be read (No such file or directory); correct it, or unset it",
    ]


def test_a_misspelt_setting_among_the_files_is_named(errors: Errors, folder: Path) -> None:
    (folder / "MOODLINE_REDIS__PASWORD").write_text(SECRET)
    (line,) = errors("", {"MOODLINE_SECRETS": str(folder)})

    assert "did you mean MOODLINE_REDIS__PASSWORD?" in line
    assert SECRET not in line
