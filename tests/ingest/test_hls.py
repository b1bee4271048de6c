"""A live HLS camera: a real encoder cuts pieces and keeps a play list of the last few, a real server hands them out."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import cv2
import pytest

from ingest.sources.real_time import RealTime
from moodline.broker import Broker
from tests.ingest.service import accepted, status, wait_for_state
from tests.support.http_video import HttpVideo
from tests.support.needs import command
from tests.support.wait import on_an_idle_machine, wait_until

PIECE_S = 2
LISTED = 5
RECOVERED_S = 5.0
LIST = "/live.m3u8"


@pytest.fixture(scope="module")
def film(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip, with a frame a second at which a piece may begin."""
    made = tmp_path_factory.mktemp("film") / "film.mp4"
    encode = ["-an", "-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-vf", "scale=320:180"]
    subprocess.run([command("ffmpeg"), "-loglevel", "error", "-i", str(clip), *encode, str(made)], check=True)
    return made


@pytest.fixture(scope="module")
def folder(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where an encoder that shows the film over and over, in real time, puts its pieces."""
    folder = tmp_path_factory.mktemp("hls")
    play = [command("ffmpeg"), "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(film), "-c", "copy"]
    hls = ["-f", "hls", "-hls_time", str(PIECE_S), "-hls_list_size", str(LISTED)]
    flags = ["-hls_flags", "delete_segments+omit_endlist+temp_file"]
    with subprocess.Popen([*play, *hls, *flags, str(folder / LIST[1:])]) as encoder:
        try:
            wait_until(lambda: len(pieces(folder)) >= 3, description="three pieces are there", timeout=60)
            yield folder
        finally:
            encoder.kill()


@pytest.fixture
def camera(folder: Path) -> Iterator[HttpVideo]:
    with HttpVideo(folder) as server:
        yield server


def pieces(folder: Path) -> list[str]:
    shown = folder / LIST[1:]
    return [line for line in shown.read_text().splitlines() if line.endswith(".ts")] if shown.exists() else []


def test_a_play_list_that_grows_is_live_and_is_looked_at_evenly_from_its_newest_piece_on(
    run: Any, broker: Broker, camera: HttpVideo
) -> None:
    with run({"cam": {"url": camera.url(LIST), "fps": 5}}) as ingest:
        live = wait_for_state(broker, "cam", "live", timeout=30)
        assert live.kind == "live"
        check_that_it_begins_with_the_newest(camera.asked)
        wait_until(lambda: looks(broker) > 3.5, description="not once a piece, but five times a second", timeout=60)
        seen = accepted(broker, "cam")
        wait_until(lambda: accepted(broker, "cam") > seen + 10, description="it goes on", timeout=30)
        found = wait_for_state(broker, "cam", "live")
        assert found.reconnects == 0
        assert ingest.stop() == 0


def check_that_it_begins_with_the_newest(asked: Sequence[tuple[str, str]]) -> None:
    (_, newest), (piece, _) = next(pair for pair in pairwise(asked) if pair[1][0].endswith(".ts"))
    # The encoder may just have put the next one on the list.
    assert number_of(piece) - number_of(newest) in {0, 1}


def number_of(piece: str) -> int:
    return int("".join(letter for letter in piece if letter.isdigit()))


def looks(broker: Broker) -> float:
    found = status(broker, "cam")
    return found.fps if found else 0.0


def test_a_server_of_pieces_that_was_away_is_back_with_the_newest(run: Any, broker: Broker, camera: HttpVideo) -> None:
    with run({"cam": {"url": camera.url(LIST), "fps": 5}}, read_timeout=2):
        wait_for_state(broker, "cam", "live", timeout=30)
        wait_until(lambda: accepted(broker, "cam") > 0, description="a face", timeout=30)
        camera.kill()
        wait_for_state(broker, "cam", "stalled", timeout=30)
        seen, asked = accepted(broker, "cam"), len(camera.asked)
        camera.start()
        again = on_an_idle_machine(RECOVERED_S)
        wait_until(lambda: accepted(broker, "cam") > seen, description="faces again", timeout=again)
        assert wait_for_state(broker, "cam", "live").reconnects >= 1
        check_that_it_begins_with_the_newest(camera.asked[asked:])


class Pieces:
    """A video of 10 frames a second of which 20 come at once; a clock that it alone and waiting move."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.grabbed = 0
        self.late_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def pause(self, seconds: float) -> bool:
        self.now_s += seconds
        return True

    def grab(self) -> bool:
        if self.grabbed % 20 == 0:
            there_s = 1000.0 + self.grabbed / 10 + self.late_s
            self.now_s = max(self.now_s, there_s)
        self.grabbed += 1
        return True

    def get(self, prop: int, /) -> float:
        return 100.0 * (self.grabbed - 1) if prop == cv2.CAP_PROP_POS_MSEC else 10.0


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> tuple[Pieces, Callable[[int], list[float]]]:
    """A video in pieces, and what returns the seconds between its next frames, as they are shown."""
    video = Pieces()
    monkeypatch.setattr("ingest.sources.real_time.time", video)
    real_time = RealTime(cast("Any", video), video.pause)

    def steps(frames: int) -> list[float]:
        times = [video.now_s for _ in range(frames + 1) if real_time.grab()]
        return [after - before for before, after in pairwise(times)]

    return video, steps


def test_what_comes_at_once_is_shown_at_its_own_pace(shown: Any) -> None:
    assert shown[1](100) == pytest.approx([0.1] * 100)


def test_after_the_server_was_late_it_goes_on_at_its_own_pace(shown: Any) -> None:
    video, steps = shown
    steps(98)
    video.late_s = 10.0
    late = steps(41)
    assert [step for step in late if step > 0.2] == [pytest.approx(10.0, abs=0.2)]
    assert late[2:] == pytest.approx([0.1] * 39)


def test_after_this_machine_was_late_it_catches_up(shown: Any) -> None:
    video, steps = shown
    steps(10)
    video.now_s += 0.5
    assert [step for step in steps(20) if step < 0.05] == pytest.approx([0.0] * 4, abs=0.05)
    assert video.now_s == pytest.approx(1000.0 + video.grabbed / 10, abs=0.11)


def test_a_clock_that_jumps_is_not_waited_for(shown: Any) -> None:
    video, steps = shown
    steps(10)
    video.grabbed += 1000
    video.late_s = -200.0
    assert max(steps(5)) < 0.2
