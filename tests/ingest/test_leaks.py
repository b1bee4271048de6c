"""Cameras that hang up again and again: no thread, file or dead process is left behind."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moodline.broker import Broker
from tests.ingest.service import Ingest, accepted
from tests.support.http_video import HttpVideo
from tests.support.proxy import Proxy
from tests.support.rtsp_server import RtspServer
from tests.support.wait import wait_until


def test_a_hundred_reconnects_leave_nothing_behind(run: Any, broker: Broker, tmp_path: Path) -> None:
    with HttpVideo(tmp_path, frames=3) as camera:
        reconnect(run, broker, camera.url(), times=100)


def test_nor_do_those_of_a_camera_over_rtsp(run: Any, broker: Broker, clip: Path) -> None:
    with RtspServer(clip) as camera, Proxy(camera.port) as way:
        url = f"rtsp://127.0.0.1:{way.port}/cam"
        cuts = 0

        def cut_when_live(ingest: Ingest) -> None:
            nonlocal cuts
            if ingest.log().count(f"Reading {url}\n") > cuts:
                way.cut()
                cuts += 1

        reconnect(run, broker, url, times=25, meanwhile=cut_when_live)


def reconnect(
    run: Any, broker: Broker, url: str, *, times: int, meanwhile: Callable[[Ingest], None] = lambda _: None
) -> None:
    """Let a camera hang up so often, and compare what its capture process holds with what it held before."""
    with run({"cam": url}, backoff_max=0.01) as ingest:
        before = load_at(ingest, 10, meanwhile)
        after = load_at(ingest, 10 + times, meanwhile)
        assert after["threads"] <= before["threads"] + 1, "a connection may just be opening"
        assert after["files"] <= before["files"] + 3
        assert zombies(ingest) == []
        assert accepted(broker, "cam") > 0
        assert ingest.stop() == 0


def load_at(ingest: Ingest, reconnects: int, meanwhile: Callable[[Ingest], None]) -> dict[str, int]:
    """Wait for so many reconnects; return what the capture process holds then."""
    metric = 'moodline_reconnects_total{stream="cam"}'

    def counted() -> bool:
        meanwhile(ingest)
        return ingest.metrics()[metric] >= reconnects

    wait_until(lambda: ingest.capture_pid("cam"), description="a capture process", timeout=60)
    wait_until(counted, description=f"{reconnects} reconnects", timeout=90)
    process = Path(f"/proc/{ingest.capture_pid('cam')}")
    lines = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    files = sum(1 for _ in (process / "fd").iterdir())
    return {"threads": int(lines["Threads"]), "files": files}


def zombies(ingest: Ingest) -> list[str]:
    """Return the dead processes of an ingest that nobody has buried."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == os.getpgid(ingest.process.pid):
                found += [line for line in (process / "status").read_text().splitlines() if "(zombie)" in line]
        except (ProcessLookupError, FileNotFoundError):
            continue
    return found
