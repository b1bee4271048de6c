"""Cameras over HTTP against a real server: MJPEG, HLS, MP4, and what goes wrong."""

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from moodline.broker import Broker
from tests.ingest.service import Ingest, accepted, queued, status, wait_for_state
from tests.support.http_video import HttpVideo
from tests.support.needs import command
from tests.support.wait import on_an_idle_machine, wait_until

PASSWORD = "s3cret-Pa55"
WRONG = "wr0ng-Pa55"
RECOVERED_S = 5.0


@pytest.fixture(scope="module")
def folder(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Web pages of a camera: a film, a play list, a page that is no video."""
    made = tmp_path_factory.mktemp("web")
    copy = [command("ffmpeg"), "-loglevel", "error", "-i", str(clip), "-an", "-c", "copy"]
    subprocess.run([*copy, "-movflags", "+faststart", str(made / "film.mp4")], check=True)
    hls = ["-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod"]
    subprocess.run([*copy, *hls, str(made / "live.m3u8")], check=True)
    (made / "page.html").write_text("<html>This is the camera's web page.</html>" * 50)
    return made


@pytest.fixture
def camera(folder: Path) -> Iterator[HttpVideo]:
    with HttpVideo(folder) as server:
        yield server


def test_mjpeg_hls_and_mp4_are_read_and_every_trouble_is_told(
    run: Any, broker: Broker, camera: HttpVideo, folder: Path
) -> None:
    with HttpVideo(folder, user="me", password=PASSWORD) as guarded:
        streams = {
            "mjpeg": camera.url(),
            "hls": camera.url("/live.m3u8"),
            "film": {"url": camera.url("/film.mp4"), "fps": 2},
            "mp4": {"url": camera.url("/film.mp4"), "live": True},
            "right": guarded.url(user="me", password=PASSWORD),
            "wrong": guarded.url(user="me", password=WRONG),
            "path": camera.url("/gone.mjpg"),
            "page": camera.url("/page.html"),
        }
        with run(streams) as ingest:
            for name in ("mjpeg", "hls", "mp4", "film", "right"):
                wait_until(partial(accepted, broker, name), description=f"a face on {name}", timeout=30)
            for name in ("mjpeg", "right"):
                assert wait_for_state(broker, name, "live").kind == "live"
            film = wait_for_state(broker, "film", "ended", timeout=60)
            assert (film.kind, film.frames, film.total, film.reconnects) == ("recorded", 275, 275, 0)
            assert film.sentence == f"{camera.url('/film.mp4')} was read to its end."
            wait_until(partial(_has_reconnected, broker, "mp4"), description="a camera is opened again", timeout=30)
            assert "refuses the user or password" in wait_for_state(broker, "wrong", "auth_failed").sentence
            assert "check the path" in wait_for_state(broker, "path", "not_found").sentence
            assert "no video that FFmpeg can decode" in wait_for_state(broker, "page", "unsupported").sentence
            shown = str([status(broker, name) for name in streams]) + str(ingest.metrics())
            assert ingest.stop() == 0
        for secret in (PASSWORD, WRONG):
            assert secret not in shown + ingest.log()


def _says(broker: Broker, stream: str, words: str) -> bool:
    found = status(broker, stream)
    return found is not None and words in found.sentence


def _has_reconnected(broker: Broker, stream: str) -> bool:
    found = status(broker, stream)
    return found is not None and found.reconnects > 0


def test_a_film_whose_server_is_away_is_waited_for(run: Any, broker: Broker, camera: HttpVideo) -> None:
    camera.kill()
    with run({"film": {"url": camera.url("/film.mp4"), "fps": 2}}):
        wait_until(lambda: _says(broker, "film", "connection refused"), description="it says why", timeout=25)
        camera.start()
        assert wait_for_state(broker, "film", "ended", timeout=60).frames == 275


def test_a_film_whose_server_dies_in_the_middle_has_not_ended_and_goes_on(
    run: Any, broker: Broker, camera: HttpVideo
) -> None:
    camera.most = 300_000
    with run({"film": {"url": camera.url("/film.mp4"), "max_crops": 2000}}):
        wait_until(lambda: accepted(broker, "film") > 50, description="half of it is read", timeout=30)
        camera.kill()
        told = wait_for_state(broker, "film", "connecting", timeout=30)
        assert told.position < 200
        wait_until(lambda: _says(broker, "film", "trying again"), description="it says so", timeout=25)
        camera.most = None
        camera.start()
        ended = wait_for_state(broker, "film", "ended", timeout=60)
    assert (ended.position, ended.total) == (275, 275)
    assert ended.sentence.endswith("was read to its end.")
    frames = [frame for frame, _, _ in queued(broker, "film")]
    assert frames == sorted(frames)
    assert len({crop for _, crop, _ in queued(broker, "film")}) == len(frames) == accepted(broker, "film")
    assert len(set(frames)) > 260, "no part of the film is missing"


def test_a_hundred_reconnects_leave_nothing_behind(run: Any, broker: Broker, folder: Path) -> None:
    with HttpVideo(folder, frames=3) as camera, run({"cam": camera.url()}, backoff_max=0.01) as ingest:
        after_ten = _load_at(ingest, 10)
        after_a_hundred = _load_at(ingest, 110)
        assert after_a_hundred["threads"] <= after_ten["threads"]
        assert after_a_hundred["files"] <= after_ten["files"] + 2, "a connection may just be open"
        assert _zombies(ingest) == []
        assert accepted(broker, "cam") > 0
        assert ingest.stop() == 0


def _load_at(ingest: Ingest, reconnects: int) -> dict[str, int]:
    """Wait for so many reconnects; return what the capture process holds then."""

    metric = 'moodline_reconnects_total{stream="cam"}'
    wait_until(lambda: ingest.capture_pid("cam"), description="a capture process", timeout=20)
    wait_until(lambda: ingest.metrics()[metric] >= reconnects, description=f"{reconnects} reconnects", timeout=40)
    process = Path(f"/proc/{ingest.capture_pid('cam')}")
    lines = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    files = sum(1 for _ in (process / "fd").iterdir())
    return {"threads": int(lines["Threads"]), "files": files}


def _zombies(ingest: Ingest) -> list[str]:
    """Return the dead processes of an ingest that nobody has buried."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == os.getpgid(ingest.process.pid):
                found += [line for line in (process / "status").read_text().splitlines() if "(zombie)" in line]
        except (ProcessLookupError, FileNotFoundError):
            continue
    return found


def test_a_camera_that_was_switched_off_is_back_within_seconds(run: Any, broker: Broker, camera: HttpVideo) -> None:
    with run({"cam": camera.url()}, read_timeout=2):
        wait_for_state(broker, "cam", "live", timeout=25)
        camera.kill()
        wait_for_state(broker, "cam", "stalled")
        seen = accepted(broker, "cam")
        camera.start()
        wait_until(
            lambda: accepted(broker, "cam") > seen, description="faces again", timeout=on_an_idle_machine(RECOVERED_S)
        )
