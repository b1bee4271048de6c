"""Network cameras against a real RTSP server: what each kind of trouble shows, and that nobody sees a password."""

import contextlib
import os
import socket
import subprocess
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ingest.sources.base import SourceFailure
from ingest.sources.network import NetworkCamera
from ingest.sources.video_capture import Timeouts
from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.streams import StreamStatus
from tests.api.stage import serving
from tests.cli.running import moodline
from tests.ingest.service import Ingest, accepted, queued, status, wait_for_state
from tests.support.needs import command, shared
from tests.support.ports import free_port
from tests.support.rtsp_server import RtspServer
from tests.support.wait import on_an_idle_machine, wait_until

PASSWORD = "s3cret-Pa55"
WRONG = "wr0ng-Pa55"
TOKEN = "t0ken-0f-the-path"
RECOVERED_S = 5.0


@pytest.fixture
def guarded(clip: Path) -> Iterator[RtspServer]:
    with RtspServer(clip, user="me", password=PASSWORD) as server:
        yield server


def test_every_trouble_has_its_state_and_its_sentence_and_stops_no_other_camera(
    run: Any, broker: Broker, embedded_server: EmbeddedServer, server: RtspServer, guarded: RtspServer
) -> None:
    streams: dict[str, Any] = {
        "tcp": server.url(),
        "udp": {"url": server.url(), "transport": "udp"},
        "right": guarded.url(user="me", password=PASSWORD),
        "udp-right": {"url": guarded.url(user="me", password=PASSWORD), "transport": "udp"},
        "wrong": guarded.url(user="me", password=WRONG),
        "path": server.url("/gone/${DOOR_TOKEN}"),
        "nobody": f"rtsp://me:{PASSWORD}@127.0.0.1:{free_port()}/cam",
        "host": f"http://me:{PASSWORD}@no-such-host.invalid/video",
        "usb": "/dev/video97",
    }
    with run(streams, env={"DOOR_TOKEN": TOKEN}) as ingest:
        for name, is_udp in (("tcp", False), ("udp", True), ("right", False), ("udp-right", True)):
            wait_until(partial(accepted, broker, name), description=f"a face on {name}", timeout=40)
            assert wait_for_state(broker, name, "live").kind == "live"
            assert (_udp_sockets(ingest.capture_pid(name)) >= 2) == is_udp, name
        assert "refuses the user or password" in wait_for_state(broker, "wrong", "auth_failed").sentence
        assert "check the path" in wait_for_state(broker, "path", "not_found").sentence
        for name, words in (("nobody", "connection refused"), ("host", "cannot be resolved")):
            wait_until(partial(_says, broker, name, words), description=f"{name} says why", timeout=25)
            wait_for_state(broker, name, "connecting")
        assert "There is no webcam 97" in wait_for_state(broker, "usb", "not_found").sentence
        shown = ingest.log() + _processes_of(ingest) + str([status(broker, name) for name in streams])
        shown += str(ingest.metrics()) + _answers_of_the_api(broker) + _failures_of(streams)
        shown += moodline("streams", "--json", env={"REDIS_URL": embedded_server.url}).stdout
        assert ingest.stop() == 0
    assert "rtsp://***@127.0.0.1" in shown
    assert server.url("/gone/***") in shown
    assert "method DESCRIBE failed: 401" in shown, "FFmpeg's own words are there to be read"
    for secret in (PASSWORD, WRONG, TOKEN):
        assert secret not in shown + ingest.log()


def _udp_sockets(process: int) -> int:
    """Return how many UDP sockets a process holds: RTP over UDP takes two, one for the packets and one for reports."""
    held = {str(file.readlink()) for file in Path(f"/proc/{process}/fd").iterdir()}
    tables = (Path(f"/proc/{process}/net/{name}") for name in ("udp", "udp6"))
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return sum(f"socket:[{row[9]}]" in held for row in rows)


def _answers_of_the_api(broker: Broker) -> str:
    """Return all that the API says of the streams, Prometheus's page too."""
    with serving(broker) as client:
        return client.get("/v1/streams").text + client.get("/metrics").text


def _failures_of(streams: dict[str, Any]) -> str:
    """Return the errors, with where they were raised, that opening these addresses ends in."""
    told = []
    for name in ("wrong", "nobody", "host"):
        try:
            NetworkCamera(streams[name], timeouts=Timeouts(5, 5)).open()
        except SourceFailure:
            told.append(traceback.format_exc())
    assert len(told) == 3
    return "\n".join(told)


def _processes_of(ingest: Ingest) -> str:
    """Return what `ps` would show of the supervisor, the fork server and the capture processes."""
    shown = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == os.getpgid(ingest.process.pid):
                shown.append((process / "cmdline").read_text())
        except (ProcessLookupError, FileNotFoundError):
            continue
    return "\n".join(shown)


def test_a_camera_that_is_absent_is_waited_for_at_the_start_and_later(
    run: Any, broker: Broker, server: RtspServer
) -> None:
    server.kill()
    both = {"cam": server.url(), "udp": {"url": server.url(), "transport": "udp"}}
    with mute_server() as mute, run({**both, "mute": mute}, read_timeout=2, open_timeout=2) as ingest:
        for name in both:
            wait_for_state(broker, name, "connecting", timeout=25)
        server.start()
        for name in both:
            wait_until(partial(accepted, broker, name), description=f"a face on {name}", timeout=15)
        server.kill()
        for name in both:
            wait_until(partial(_is_refused, broker, name), description=f"{name} is stalled, says why", timeout=20)
        seen = {name: accepted(broker, name) for name in both}
        server.start()
        for name in both:
            wait_until(partial(_has_more, broker, seen[name], name), description=f"faces on {name}", timeout=15)
            assert wait_for_state(broker, name, "live").reconnects >= 1
        wait_until(
            lambda: ingest.metrics()['moodline_reconnects_total{stream="cam"}'] >= 1,
            description="the metrics have counted it",
        )
        assert "gave no answer in 2 s" in wait_for_state(broker, "mute", "connecting").sentence
        assert ingest.log().count("WARNING") < 20, "tries that fail alike do not fill the log"


def _is_refused(broker: Broker, stream: str) -> bool:
    found = status(broker, stream)
    return found is not None and found.state == "stalled" and _says(broker, stream, "connection refused")


def _has_more(broker: Broker, crops: int, stream: str = "cam") -> bool:
    return accepted(broker, stream) > crops


def _says(broker: Broker, stream: str, words: str) -> bool:
    found = status(broker, stream)
    return found is not None and words in found.sentence


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_that_freezes_is_stalled_comes_back_by_itself_and_holds_up_no_stop(
    run: Any, broker: Broker, server: RtspServer, transport: str
) -> None:
    with run({"cam": {"url": server.url(), "transport": transport}}, read_timeout=1, open_timeout=2) as ingest:
        wait_for_state(broker, "cam", "live", timeout=25)
        server.freeze()
        assert server.url() in wait_for_state(broker, "cam", "stalled", timeout=8).sentence
        seen = accepted(broker, "cam")
        server.thaw()
        wait_until(
            lambda: accepted(broker, "cam") > seen, description="faces again", timeout=on_an_idle_machine(RECOVERED_S)
        )
        wait_for_state(broker, "cam", "live", timeout=5)
        server.freeze()
        wait_for_state(broker, "cam", "stalled", timeout=8)
        assert ingest.stop() == 0


def test_a_camera_may_come_back_with_another_picture_size_and_codec(
    run: Any, broker: Broker, server: RtspServer, other_codecs: list[Path]
) -> None:
    with run({"cam": {"url": server.url(), "detect_fps": 5, "fps": 10}}, read_timeout=2):
        _wait_for_width(broker, 640, timeout=25)
        crops = accepted(broker, "cam")
        for width, clip in zip((596, 320), other_codecs, strict=True):
            server.kill()
            wait_for_state(broker, "cam", "stalled", timeout=8)
            before = {track for _, _, track in queued(broker, "cam")}
            crops = accepted(broker, "cam")
            server.start(clip)
            more = partial(_has_more, broker, crops)
            wait_until(more, description="faces", timeout=on_an_idle_machine(RECOVERED_S))
            again = _wait_for_width(broker, width, timeout=5)
            assert again.reconnects >= 1
            assert not before & {track for _, _, track in queued(broker, "cam")[-1:]}, "no face is followed into it"


@pytest.fixture(scope="module")
def other_codecs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The smile in H.265 and, smaller, in MJPEG."""
    smile, folder = shared("data/media/fer_test.mp4"), tmp_path_factory.mktemp("codecs")
    h265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-tag:v", "hvc1"]
    mjpeg = ["-vf", "scale=320:180", "-c:v", "mjpeg", "-q:v", "5", "-pix_fmt", "yuvj420p", "-huffman", "default"]
    made = []
    for name, encode in (("smile.mov", h265), ("smile.avi", mjpeg)):
        made.append(folder / name)
        call = [
            command("ffmpeg"),
            "-loglevel",
            "error",
            "-i",
            str(smile),
            "-an",
            "-frames:v",
            "75",
            *encode,
            str(made[-1]),
        ]
        subprocess.run(call, check=True)
    return made


def _wait_for_width(broker: Broker, width: int, *, timeout: float) -> StreamStatus:
    def seen() -> StreamStatus | None:
        found = status(broker, "cam")
        return found if found is not None and found.width == width else None

    found = wait_until(seen, description=f"a picture {width} wide", timeout=timeout)
    assert found is not None
    return found


def test_a_hundred_reconnects_leave_no_file_thread_or_zombie_behind(
    server: RtspServer, other_codecs: list[Path]
) -> None:
    with RtspServer(other_codecs[-1]) as mjpeg:
        _reconnect(server.url(), times=2)
        before = _open_files_and_threads()
        assert _reconnect(mjpeg.url(), times=96) == 96
        assert _reconnect(server.url(), times=4) == 4
        assert _reconnect(server.url("/gone"), times=50) == 0
        wait_until(lambda: _open_files_and_threads() == before, description="nothing is left open", timeout=5)
        assert not _zombies()


def _reconnect(url: str, *, times: int) -> int:
    """Open a camera so many times; return how many pictures it gave."""
    camera, frames = NetworkCamera(url, timeouts=Timeouts(10, 5)), 0
    for _ in range(times):
        with contextlib.suppress(SourceFailure), contextlib.closing(camera):
            camera.open()
            next(camera.frames())
            frames += 1
    return frames


def _zombies() -> list[str]:
    """Return the dead processes that this one has started and not buried."""
    statuses = [_status_of(process) for process in Path("/proc").glob("[0-9]*")]
    return [status for status in statuses if f"PPid:\t{os.getpid()}\n" in status and "(zombie)" in status]


def _status_of(process: Path) -> str:
    try:
        return (process / "status").read_text()
    except OSError:
        return ""


def _open_files_and_threads() -> tuple[int, int]:
    own = Path("/proc/self")
    return sum(1 for _ in (own / "fd").iterdir()), sum(1 for _ in (own / "task").iterdir())


@contextlib.contextmanager
def mute_server() -> Iterator[str]:
    """Take connections and never answer; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"rtsp://127.0.0.1:{listening.getsockname()[1]}/cam"
