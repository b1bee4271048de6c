"""Damaged files: each ends in frames or a typed failure, and none takes its process down."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest.sources.base import Unsupported
from ingest.sources.network import NetworkCamera
from ingest.sources.playback import Playback
from ingest.sources.recorded import RecordedFile
from ingest.sources.video_capture import Timeouts
from tests.ingest.films import portrait
from tests.support.needs import command
from tests.support.repository import ROOT

OF_EACH = 50
TIMEOUT_S = 90
VIDEOS = {
    "mp4": ("libx264", "-movflags", "+faststart"),
    "ts": ("libx264",),
    "mkv": ("libx264",),
    "avi": ("mjpeg",),
    "flv": ("flv",),
    "webm": ("libvpx", "-b:v", "200k"),
    "mov": ("mpeg4",),
}
PICTURES = ("jpg", "png", "bmp")
FAILURES = {"Unsupported", "EndedEarly", "NotFound"}


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One small file of each kind, ten frames or one picture."""
    folder = tmp_path_factory.mktemp("whole")
    picture = cv2.resize(portrait(), (160, 90), interpolation=cv2.INTER_AREA)
    made = [folder / f"whole.{suffix}" for suffix in (*PICTURES, *VIDEOS)]
    for path in made[: len(PICTURES)]:
        assert cv2.imwrite(str(path), picture)
    for suffix, (codec, *options) in VIDEOS.items():
        loop = ["-loop", "1", "-framerate", "10", "-i", str(folder / "whole.png"), "-frames:v", "10"]
        encode = ["-pix_fmt", "yuvj420p" if codec == "mjpeg" else "yuv420p", "-c:v", codec, *options]
        target = str(folder / f"whole.{suffix}")
        subprocess.run([command("ffmpeg"), "-loglevel", "error", *loop, *encode, target], check=True)
    return made


def damaged(whole: bytes, random: np.random.Generator) -> Iterator[bytes]:
    """Yield a file cut off, with flipped bits, with its head overwritten, with a hole, and with a part twice."""
    while True:
        bits = np.frombuffer(whole, np.uint8).copy()
        at, length = (int(n) for n in random.integers(0, len(whole), 2))
        yield whole[:at]
        for count in (1, 20, 500):
            places = random.integers(0, len(whole), count)
            bits[places] ^= random.integers(1, 256, count, dtype=np.uint8)
            yield bits.tobytes()
        head = bits[:]
        places = random.integers(0, min(200, len(whole)), 8)
        head[places] = random.integers(0, 256, 8, dtype=np.uint8)
        yield head.tobytes()
        yield whole[:at] + whole[min(at + length // 4, len(whole)) :]
        yield whole[:at] + whole[at // 2 :]


def test_five_hundred_damaged_files_end_in_frames_or_a_typed_failure(whole_files: list[Path], tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    for whole in whole_files:
        broken = damaged(whole.read_bytes(), random)
        for number in range(OF_EACH):
            (tmp_path / f"{number:03}{whole.suffix}").write_bytes(next(broken))
        (tmp_path / whole.name).write_bytes(whole.read_bytes())
    reader = [sys.executable, "-m", "tests.support.read_damaged", str(tmp_path)]
    done = subprocess.run(reader, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    outcomes = dict(line.split("\t") for line in done.stdout.splitlines())
    assert done.returncode == 0, f"after {list(outcomes)[-1:]}: {done.stderr[-2000:]}"
    assert len(outcomes) == (OF_EACH + 1) * len(whole_files) == 510
    for whole in whole_files:
        assert outcomes[whole.name] == ("1 frames" if whole.suffix[1:] in PICTURES else "10 frames")
    kinds = {outcome.split(":")[0] for outcome in outcomes.values() if not outcome.endswith(" frames")}
    assert kinds <= FAILURES
    assert {"Unsupported", "EndedEarly"} <= kinds, "the damage is real"


class Huge:
    """A video whose header claims pictures of 30,000 by 30,000."""

    released = False

    def __call__(self, *_: object) -> "Huge":
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def get(self, prop: int, /) -> float:
        return 30_000.0 if prop in {cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT} else 0.0

    def set(self, *_: object) -> bool:
        raise AssertionError

    def grab(self) -> bool:
        raise AssertionError

    def retrieve(self) -> tuple[bool, None]:
        raise AssertionError

    def release(self) -> None:
        self.released = True


def test_absurdly_large_pictures_are_never_decoded(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.touch()
    huge = Huge()
    playback = Playback(start_ms=0, pause=lambda _: True)
    sources = (
        RecordedFile(film, playback=playback, opener=huge),
        NetworkCamera("rtsp://cam.test/1", timeouts=Timeouts(1, 1), opener=huge),
    )
    for source in sources:
        with pytest.raises(Unsupported, match=r"pictures of 30000x30000: more than 64 megapixels"):
            source.open()
        assert huge.released
        huge.released = False


class Growing(Huge):
    """A video whose pictures become huge after they were small."""

    grabbed = 0

    def get(self, _: int, /) -> float:
        return 0.0

    def grab(self) -> bool:
        self.grabbed += 1
        return True

    def retrieve(self) -> tuple[bool, None]:
        one = np.zeros((1, 1, 3), np.uint8)
        huge = np.broadcast_to(one, (30_000, 30_000, 3))  # takes no memory
        return True, huge if self.grabbed > 1 else one  # type: ignore[return-value]


def test_pictures_that_become_absurdly_large_end_the_stream(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.touch()
    playback = Playback(start_ms=0, pause=lambda _: True)
    for source in (
        RecordedFile(film, playback=playback, opener=Growing()),
        NetworkCamera("rtsp://cam.test/1", timeouts=Timeouts(1, 1), opener=Growing()),
    ):
        source.open()
        frames = source.frames()
        assert next(frames).pixels.shape == (1, 1, 3)
        with pytest.raises(Unsupported, match="A picture of 30000x30000 came"):
            next(frames)


def test_a_capture_process_is_refused_memory_beyond_its_limit() -> None:
    script = (
        "import numpy as np\n"
        "from ingest.job import MOST_MEMORY\n"
        "from ingest.process import limit_memory\n"
        "limit_memory()\n"
        "limit_memory()\n"
        "try:\n    np.empty(MOST_MEMORY, np.uint8)\nexcept MemoryError:\n    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
