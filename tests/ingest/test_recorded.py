"""Recorded files: every frame, its own time, and where to go on."""

import shutil
import subprocess
import time
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import pytest

from ingest.sources.base import EndedEarly, Frame, NotFound, Stopped, Unsupported
from ingest.sources.playback import Playback
from ingest.sources.recorded import RecordedFile
from ingest.sources.video_capture import open_with_opencv
from tests.support.needs import command, shared

START_MS = 1_700_000_000_000
FRAMES = 275
FRAME_MS = 1001 / 30


class Pauses:
    """Stands in for waiting: counts the seconds, and says stop after so many."""

    def __init__(self, *, stop_after: int = 1_000_000) -> None:
        self.seconds = 0.0
        self._left = stop_after

    def __call__(self, seconds: float) -> bool:
        self.seconds += seconds
        self._left -= 1
        return self._left > 0


def read(path: Path, *, frames: int | None = None, pause: Pauses | None = None, **playback: object) -> list[Frame]:
    """Read a file, or its first frames."""
    play = Playback(**{"start_ms": START_MS, "pause": pause or Pauses(), **playback})  # type: ignore[arg-type]
    source = RecordedFile(path, playback=play)
    source.open()
    found = []
    for frame in source.frames():
        found.append(frame)
        if len(found) == frames:
            break
    source.close()
    return found


@pytest.mark.parametrize("name", ["list.m3u8", "film.mp4"])
def test_a_play_list_leads_to_no_other_file(clip: Path, tmp_path: Path, name: str) -> None:
    secret, allowed = tmp_path / "secret.ts", tmp_path / "allowed"
    allowed.mkdir()
    subprocess.run([command("ffmpeg"), "-loglevel", "error", "-i", str(clip), "-c", "copy", str(secret)], check=True)
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:5,\n"
    (allowed / name).write_text(f"{head}{secret}\n#EXT-X-ENDLIST\n")
    with pytest.raises(Unsupported, match="is a play list and no video"):
        read(allowed / name)


def test_every_frame_comes_once_with_the_files_own_time(clip: Path) -> None:
    frames = read(clip)
    assert [frame.number for frame in frames] == list(range(FRAMES))
    assert {frame.pixels.shape for frame in frames} == {(360, 640, 3)}
    for index in (0, 100, FRAMES - 1):
        assert frames[index].media_ms == pytest.approx(index * FRAME_MS, abs=1)
        assert frames[index].captured_at_ms == pytest.approx(START_MS + index * FRAME_MS, abs=1)
    assert [frame.number for frame in frames if not frame.continues] == [0]


def test_the_frames_of_a_gif_last_as_long_as_it_says() -> None:
    frames = read(shared("data/media/intel_head-pose-face-detection-female-and-male.gif"))
    assert len(frames) == 56
    assert frames[-1].media_ms == pytest.approx(55 * 80, abs=200)


def test_a_restarted_reader_goes_on_behind_the_last_accepted_frame(clip: Path) -> None:
    whole = read(clip)
    rest = read(clip, resume_after=199)
    assert [frame.number for frame in rest] == list(range(200, FRAMES))
    assert rest[0].captured_at_ms == whole[200].captured_at_ms
    assert (rest[0].pixels == whole[200].pixels).all()


def test_signs_of_life_are_given_while_frames_are_passed_over(clip: Path) -> None:
    with pytest.raises(Stopped):
        read(clip, resume_after=199, pause=Pauses(stop_after=100))


def test_a_loop_counts_on_and_its_time_goes_on(clip: Path) -> None:
    frames = read(clip, loop=True, frames=FRAMES + 2)
    assert [frame.number for frame in frames[-3:]] == [FRAMES - 1, FRAMES, FRAMES + 1]
    times = [frame.media_ms for frame in frames]
    steps = [after - before for before, after in pairwise(times) if after and before is not None]
    assert steps == pytest.approx([FRAME_MS] * (FRAMES + 1), abs=1)
    assert not frames[FRAMES].continues, "the loop's first frame follows no face of the last one"


def test_what_is_not_wanted_is_not_decoded_and_a_loop_is_still_a_cut(clip: Path) -> None:
    asked = count()
    frames = read(clip, loop=True, frames=20, wanted=lambda _at_s: next(asked) % 43 == 0)
    assert [frame.number for frame in frames[:3]] == [0, 43, 86]
    passes = [frame.number // FRAMES for frame in frames]
    assert [frame.continues for frame in frames] == [False, *(before == after for before, after in pairwise(passes))]


def test_a_restarted_loop_goes_on_in_the_pass_where_it_was(clip: Path) -> None:
    frames = read(clip, loop=True, resume_after=10 * FRAMES + 4, frames=1)
    assert frames[0].number == 10 * FRAMES + 5
    assert frames[0].media_ms == pytest.approx((10 * FRAMES + 5) * FRAME_MS, abs=15)


def test_real_time_waits_as_long_as_the_file_lasts(clip: Path) -> None:
    pauses = Pauses()
    # The waits are not really waited, so each counts from the beginning.
    read(clip, realtime=True, pause=pauses, frames=31)
    assert pauses.seconds == pytest.approx(sum(index * FRAME_MS / 1000 for index in range(31)), rel=0.2)


def test_without_a_start_the_first_frame_is_of_now(clip: Path) -> None:
    first = read(clip, start_ms=None, frames=1)[0]
    assert first.captured_at_ms == pytest.approx(time.time() * 1000, abs=5_000)


def test_a_stop_in_real_time_is_no_end_of_the_recording(clip: Path) -> None:
    with pytest.raises(Stopped):
        read(clip, realtime=True, pause=Pauses(stop_after=3))


def test_a_file_that_was_cut_off_gives_its_frames_and_a_sentence(clip: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.avi", tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter.fourcc(*"MJPG"), 25, (640, 360))
    for frame in read(clip, frames=40):
        writer.write(frame.pixels)
    writer.release()
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert len(read(cut, frames=15)) == 15
    with pytest.raises(EndedEarly, match=r"cut\.avi ended early: only \d\d of its 40 frames can be decoded"):
        read(cut)


def test_a_container_that_does_not_count_its_frames_is_not_called_cut_off(clip: Path, tmp_path: Path) -> None:
    def guessing(*asked: Any) -> Any:
        capture = open_with_opencv(*asked)
        guess = {cv2.CAP_PROP_FRAME_COUNT: 2.0 * FRAMES}
        kept = {name: getattr(capture, name) for name in ("isOpened", "grab", "retrieve", "release")}
        return SimpleNamespace(**kept, get=lambda which: guess.get(which) or capture.get(which))

    def frames(path: Path) -> int:
        source = RecordedFile(path, playback=Playback(start_ms=START_MS, pause=Pauses()), opener=guessing)
        return sum(1 for _ in source.frames())

    for container in ("mpegts", "vob"):
        stream = tmp_path / f"{container}.mp4"  # recorders do give them such names
        remux = [command("ffmpeg"), "-loglevel", "error", "-i", str(clip), "-an", "-c:v", "mpeg2video", "-f", container]
        subprocess.run([*remux, str(stream)], check=True)
        assert frames(stream) >= FRAMES  # ffmpeg may double some to keep the rate
    with pytest.raises(EndedEarly):
        frames(clip)


def test_what_cannot_be_read_is_told_in_a_sentence(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no video file .*gone\.mp4"):
        read(tmp_path / "gone.mp4")
    headless = tmp_path / "headless.mp4"
    headless.write_bytes(clip.read_bytes()[:200_000])
    with pytest.raises(Unsupported, match=r"headless\.mp4 is no video that FFmpeg can decode"):
        read(headless)
    text = tmp_path / "text.mp4"
    shutil.copy(__file__, text)
    with pytest.raises(Unsupported, match=r"text\.mp4 is no video"):
        read(text)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(Unsupported, match=r"empty\.mp4 is no video"):
        read(empty)
