"""Pictures as a recording: a file, a folder, a pattern."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest.sources.base import Frame, NotFound, Unsupported
from ingest.sources.pictures import Pictures
from ingest.sources.playback import Playback


def write_picture(path: Path, grey: int) -> Path:
    cv2.imwrite(str(path), np.full((60, 80, 3), grey, np.uint8))
    return path


def read(path: Path, *, resume_after: int = -1, start_ms: int | None = 0) -> list[Frame]:
    source = Pictures(path, playback=Playback(start_ms, lambda _: True, resume_after=resume_after))
    source.open()
    return list(source.frames())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, grey in (("shot10.png", 100), ("shot2.png", 20), ("shot1.jpg", 10)):
        write_picture(tmp_path / name, grey)
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_is_read_in_the_order_of_its_numbers(folder: Path) -> None:
    frames = read(folder)
    assert [round(float(frame.pixels.mean())) for frame in frames] == [10, 20, 100]
    assert [frame.number for frame in frames] == [0, 1, 2]
    assert [frame.media_ms for frame in frames] == [0, 1000, 2000]


def test_no_face_is_followed_from_one_picture_into_the_next(folder: Path) -> None:
    assert not any(frame.continues for frame in read(folder))


def test_no_picture_is_of_the_future(folder: Path) -> None:
    began_ms = time.time() * 1000 - 1
    times = [frame.captured_at_ms for frame in read(folder, start_ms=None)]
    assert times == sorted(times)
    assert all(began_ms <= at_ms <= time.time() * 1000 for at_ms in times)
    assert [frame.captured_at_ms for frame in read(folder, start_ms=5)] == [5, 1005, 2005]


def test_a_file_and_a_pattern_are_sources_too(folder: Path) -> None:
    assert len(read(folder / "shot2.png")) == 1
    assert len(read(folder / "*.png")) == 2


def test_a_restarted_reader_goes_on_behind_the_last_accepted_picture(folder: Path) -> None:
    assert [frame.number for frame in read(folder, resume_after=1)] == [2]
    assert read(folder, resume_after=2) == []


def test_a_damaged_picture_is_passed_over_with_a_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "shot2.png").write_bytes(b"\x89PNG damaged")
    assert [frame.number for frame in read(folder)] == [0, 2]
    assert "shot2.png is damaged" in caplog.text


def test_what_holds_no_picture_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no picture or video at"):
        read(tmp_path)
    with pytest.raises(NotFound, match=r"There is no picture or video at .*\*\.png"):
        read(tmp_path / "*.png")
    (tmp_path / "bad.png").write_bytes(b"damaged")
    with pytest.raises(Unsupported, match=r"No picture at .* can be decoded"):
        read(tmp_path)
