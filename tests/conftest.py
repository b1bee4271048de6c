"""Fixtures that several suites share: private servers that end with the tests, and videos of every kind."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.api.browser import Browser, chromium
from tests.api.frames import LOOK_INTO_FRAMES
from tests.support.brokers import SERVERS, emptied, server_binary
from tests.support.needs import command, shared


def make(target: Path, *arguments: str) -> Path:
    """Let ffmpeg write a clip."""
    subprocess.run(
        [command("ffmpeg"), "-nostdin", "-v", "error", "-y", *arguments, str(target)], check=True, timeout=60
    )
    return target


@pytest.fixture(scope="session", params=SERVERS)
def any_server(request: pytest.FixtureRequest) -> Iterator[EmbeddedServer]:
    """A private server of each kind: the embedded Valkey and Debian's redis-server."""
    with EmbeddedServer(binary=server_binary(request.param)) as server:
        yield server


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[EmbeddedServer]:
    """The server that `moodline up` would start."""
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
def any_broker(any_server: EmbeddedServer) -> Iterator[Broker]:
    """A broker on each kind of server, emptied before."""
    with emptied(any_server) as fresh:
        yield fresh


@pytest.fixture
def broker(embedded_server: EmbeddedServer) -> Iterator[Broker]:
    """A broker on the embedded server, emptied before."""
    with emptied(embedded_server) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def chromium_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium"), LOOK_INTO_FRAMES) as browser:
        yield browser


@pytest.fixture
def browser(chromium_here: Browser) -> Iterator[Browser]:
    """A browser as if it were new: one for all tests, which leaves each page and forgets its window."""
    yield chromium_here
    chromium_here.open("about:blank")
    chromium_here.call("Emulation.clearDeviceMetricsOverride")
    chromium_here.call("Emulation.setEmulatedMedia", features=[])


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def clip() -> Path:
    """9 s, 275 frames of 640x360, one to six faces in each; hard cuts before the frames 20, 82 and 211."""
    return shared("data/media/short_hamilton_clip.mp4")


@pytest.fixture(scope="session")
def half_a_minute(clips: Path, clip: Path) -> Path:
    return make(
        clips / "half-a-minute.mp4", "-stream_loop", "5", "-i", str(clip), "-t", "30", "-an", "-preset", "ultrafast"
    )


@pytest.fixture(scope="session")
def short(clips: Path, clip: Path) -> Path:
    return make(clips / "short.mp4", "-i", str(clip), "-t", "3", "-an", "-preset", "ultrafast")


@pytest.fixture(scope="session")
def full_hd(clips: Path, clip: Path) -> Path:
    scaled = ("-vf", "scale=1920:1080", "-preset", "ultrafast")
    return make(clips / "full-hd.mp4", "-t", "1", "-i", str(clip), *scaled)


@pytest.fixture(scope="session")
def large(clips: Path, clip: Path) -> Path:
    """Four seconds in Full HD: drawing them takes so long that it can be interrupted."""
    scaled = ("-an", "-vf", "scale=1920:1080", "-preset", "ultrafast")
    return make(clips / "large.mp4", "-t", "4", "-i", str(clip), *scaled)


@pytest.fixture(scope="session")
def without_faces(clips: Path) -> Path:
    picture = shared("data/media/no_face/dlib_horses.jpg")
    looped = ("-loop", "1", "-framerate", "10", "-t", "2", "-i", str(picture))
    return make(clips / "no-faces.mp4", *looped, "-vf", "scale=320:240", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="session")
def damaged(clips: Path, short: Path) -> Path:
    """The clip with a tenth of its bytes, in its middle, overwritten."""
    whole = bytearray(short.read_bytes())
    middle, part = len(whole) // 2, len(whole) // 20
    whole[middle - part : middle + part] = bytes(2 * part)
    target = clips / "damaged.mp4"
    target.write_bytes(whole)
    return target


@pytest.fixture(scope="session")
def text_file(clips: Path) -> Path:
    target = clips / "letter.mp4"
    target.write_text("Dear camera,\n" * 100)
    return target
