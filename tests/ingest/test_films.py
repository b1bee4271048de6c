"""Folders and patterns of video files: one recording, file after file."""

import shutil
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import cv2
import pytest

from ingest.sources.base import EndedEarly, Frame, Source, Unsupported
from ingest.sources.factory import SourceContext, make_source
from moodline.broker import Broker
from moodline.settings import IngestSettings, StreamSettings
from tests.ingest.service import accepted, wait_for_state
from tests.support.needs import shared

START = "2024-05-01T08:00:00Z"
FIRST, SECOND = 115, 275
"""Frames of the two clips."""
WHOLE = 40
"""Frames of a third one, before it was cut off."""


@pytest.fixture
def folder(clip: Path, tmp_path: Path) -> Path:
    """Two videos, of which the one that was filmed later comes first by the alphabet, and a text."""
    made = tmp_path / "clips"
    made.mkdir()
    shutil.copy(shared("data/media/fer_test.mp4"), made / "cam-9.MP4")
    shutil.copy(clip, made / "cam-10.mp4")
    (made / "notes.txt").write_text("no video")
    return made


def source_of(url: Path, *, resume_after: int = -1, **settings: object) -> Source:
    stream = StreamSettings.model_validate({"id": "s", "url": str(url), "start_at": START, **settings})
    return make_source(stream, IngestSettings(), SourceContext(lambda _: True, resume_after=resume_after))


def frames_of(url: Path, *, most: int | None = None, **settings: Any) -> list[Frame]:
    source = source_of(url, **settings)
    source.open()
    found = list(islice(source.frames(), most))
    source.close()
    return found


def seconds_of(frames: list[Frame]) -> list[float]:
    began_ms = frames[0].captured_at_ms
    return [(frame.captured_at_ms - began_ms) / 1000 for frame in frames]


def test_the_videos_of_a_folder_are_one_recording_in_the_order_of_their_names(folder: Path) -> None:
    frames = frames_of(folder)
    assert [frame.number for frame in frames] == list(range(FIRST + SECOND))
    assert [frame.pixels.shape[1] for frame in frames] == [596] * FIRST + [640] * SECOND
    assert [frame.number for frame in frames if not frame.continues] == [0, FIRST], "no face is followed into a file"
    media = [frame.media_ms or 0.0 for frame in frames]
    assert media == sorted(set(media))


def test_a_file_begins_where_the_one_before_it_ended(folder: Path) -> None:
    seconds = seconds_of(frames_of(folder))
    step = seconds[1] - seconds[0]
    assert seconds[FIRST] - seconds[FIRST - 1] == pytest.approx(step, abs=0.002)
    assert seconds[-1] - seconds[FIRST] == pytest.approx((SECOND - 1) * 1.001 / 30, abs=0.01)


def test_a_pattern_names_some_of_them(folder: Path) -> None:
    assert len(frames_of(folder / "*-10.mp4")) == SECOND
    assert len(frames_of(folder / "cam-*", most=FIRST + 1)) == FIRST + 1


def test_a_restarted_reader_goes_on_in_the_file_where_it_was(folder: Path) -> None:
    whole = frames_of(folder)[FIRST + 10]
    (rest,) = frames_of(folder, resume_after=FIRST + 9, most=1)
    assert (rest.number, rest.captured_at_ms) == (whole.number, whole.captured_at_ms)
    assert (rest.pixels == whole.pixels).all()


def test_a_loop_begins_again_with_the_first_file(folder: Path) -> None:
    frames = frames_of(folder, loop=True, most=FIRST + SECOND + 1)
    assert (frames[-1].number, frames[-1].pixels.shape[1]) == (FIRST + SECOND, 596)


@pytest.fixture
def damaged(folder: Path, clip: Path) -> Path:
    """The folder with a file that cannot be opened, and one that is cut off in the middle."""
    (folder / "cam-3.mp4").write_bytes(clip.read_bytes()[:200_000])
    whole = folder / "whole.avi"
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter.fourcc(*"MJPG"), 25, (640, 360))
    for frame in frames_of(clip, most=WHOLE):
        writer.write(frame.pixels)
    writer.release()
    (folder / "cam-9b.avi").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    whole.unlink()
    return folder


def test_a_damaged_file_is_told_and_stops_no_other(
    run: Any, broker: Broker, damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Frame] = []
    with pytest.raises(EndedEarly, match=r"but 2 of its 4 videos could not be read whole: cam-3\.mp4, cam-9b\.avi\."):
        seen.extend(source_of(damaged).frames())
    rest = len(seen) - FIRST - SECOND
    assert WHOLE // 4 < rest < WHOLE
    assert [frame.number for frame in seen if not frame.continues] == [0, FIRST, FIRST + rest]
    media = [frame.media_ms or 0.0 for frame in seen]
    assert max(after - before for before, after in pairwise(media)) < 100, "what is missing leaves no gap"
    assert "cam-3.mp4 is no video that FFmpeg can decode" in caplog.text
    assert f"cam-9b.avi ended early: only {rest} of its {WHOLE} frames" in caplog.text
    assert "The other videos are read all the same." in caplog.text
    with run({"clips": {"url": str(damaged), "fps": 5}}):
        ended = wait_for_state(broker, "clips", "ended", timeout=60)
    assert "2 of its 4 videos could not be read whole" in ended.sentence
    assert ended.frames == len(seen)
    assert accepted(broker, "clips") > 50


def test_where_no_file_is_a_video_it_is_told(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_text("no video")
    with pytest.raises(Unsupported, match=r"No video at .* can be decoded"):
        frames_of(tmp_path)


def test_pictures_among_videos_are_asked_about(folder: Path) -> None:
    shutil.copy(shared("data/media/stills/faceapi_happy.jpg"), folder / "thumb.jpg")
    with pytest.raises(Unsupported, match=r"holds videos and pictures: .* such as .*/clips/\*\.MP4\."):
        frames_of(folder)
    assert len(frames_of(folder / "*.jpg")) == 1
