"""Which kind of source a URL names."""

from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodline.settings import SourceKind, is_recorded, source_kind, source_path


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("rtsp://user:p@ss@camera/1", "rtsp"),
        ("RTSPS://camera", "rtsp"),
        ("https://camera/video.mjpg", "http"),
        ("0", "webcam"),
        ("/dev/video12", "webcam"),
        ("demo", "demo"),
        ("browser:", "browser"),
        ("browser:desk", "browser"),
        ("clip.mp4", "file"),
        ("/data/clip.GIF", "file"),
        ("file:///data/clip.mp4", "file"),
        ("face.JPG", "picture"),
        ("faces/", "folder"),
        ("faces/*.jpg", "glob"),
        ("faces/**/[ab].png", "glob"),
        ("clips/*.mp4", "glob"),
    ],
)
def test_a_url_tells_its_kind(url: str, kind: str) -> None:
    assert source_kind(url) == kind


def test_a_folder_is_told_from_a_file_and_a_file_with_brackets_is_no_glob(tmp_path: Path) -> None:
    (tmp_path / "clip[1].mp4").touch()
    assert source_kind(str(tmp_path)) == "folder"
    assert source_kind(f"file://{tmp_path}") == "folder"
    assert source_kind(str(tmp_path / "clip[1].mp4")) == "file"


@pytest.mark.parametrize("url", ["", "  ", "ftp://host/x", "rtsp://", "rtsp://user:secret@", "http:///"])
def test_a_url_that_cannot_be_read_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"; |; write") as caught:
        source_kind(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["clip.mp4", "clips/", "clips/*.mp4", "faces/*.jpg", "face.png"])
def test_files_and_pictures_are_recorded(url: str) -> None:
    assert is_recorded(url)


@pytest.mark.parametrize(
    ("url", "live", "recorded"),
    [
        ("https://host/films/a.MP4", None, True),
        ("http://me:p@host/a.webm", None, True),
        ("http://camera/stream.mp4?src=1", None, False),
        ("http://camera/video.mjpg", None, False),
        ("http://camera/live.m3u8", None, False),
        ("http://camera/live.mp4", True, False),
        ("http://host/films/a", False, True),
    ],
)
def test_a_web_servers_film_is_recorded_and_its_camera_live(url: str, live: bool | None, recorded: bool) -> None:
    assert is_recorded(url, live=live) == recorded


@pytest.mark.parametrize("url", ["0", "demo", "rtsp://camera", "https://camera", "browser:"])
def test_cameras_are_live(url: str) -> None:
    assert not is_recorded(url)


def test_the_path_of_a_file_url_has_no_scheme() -> None:
    assert source_path("file:///data/clip.mp4") == Path("/data/clip.mp4")


@given(st.text())
def test_any_text_has_a_kind_or_is_refused(text: str) -> None:
    with suppress(ValueError):
        assert source_kind(text) in get_args(SourceKind)
