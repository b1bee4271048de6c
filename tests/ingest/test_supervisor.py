"""The supervisor, in this process, over real capture processes."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.beat import Beat
from ingest.browser import _Watch
from ingest.child import CaptureProcess
from ingest.file_watch import FileWatch
from ingest.job import CaptureJob
from ingest.slot import Slot
from ingest.supervisor import Supervisor
from moodline.broker import Broker
from moodline.config.watch import ConfigFile
from moodline.embedded import EmbeddedServer
from moodline.metrics import Metrics
from moodline.sealing import new_key
from moodline.settings import Settings
from tests.ingest.service import accepted, status
from tests.support.wait import wait_until


@pytest.fixture
def supervisor(
    broker: Broker, embedded_server: EmbeddedServer, yunet_model: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Supervisor]:
    """A supervisor of one demo camera, running."""
    del broker
    monkeypatch.setattr("ingest.child.HUNG_AFTER_S", 3.0)
    settings = Settings.model_validate(
        {
            "redis": {"url": embedded_server.url, "seal_key": new_key()},
            "streams": [{"id": "demo", "url": "demo"}],
        }
    )
    made = Supervisor(settings, find_yunet=lambda: yunet_model, metrics=Metrics())
    stop = threading.Event()
    thread = threading.Thread(target=made.run, args=(stop,), kwargs={"exit_when_ended": False})
    thread.start()
    yield made
    stop.set()
    thread.join(12)
    assert not thread.is_alive()


def test_a_capture_process_that_hangs_is_killed_and_its_stream_goes_on(
    supervisor: Supervisor, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    wait_until(lambda: accepted(broker, "demo") > 0, description="a face", timeout=20)
    (slot,) = supervisor._slots.values()
    assert slot.process is not None
    hung = slot.process.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    wait_until(lambda: not Path(f"/proc/{hung}").exists(), description="it was killed", timeout=10)
    seen = accepted(broker, "demo")
    wait_until(lambda: accepted(broker, "demo") > seen, description="faces again", timeout=15)
    assert "gives no sign of life and is killed" in caplog.text


def test_processes_that_end_leave_no_file_open(supervisor: Supervisor, broker: Broker) -> None:
    wait_until(lambda: accepted(broker, "demo") > 0, description="a face", timeout=40)
    (slot,) = supervisor._slots.values()
    ended = [CaptureProcess(slot._context, slot.job)]
    ended[0].kill()
    before = _open_files()
    for _ in range(8):
        ended.append(CaptureProcess(slot._context, slot.job))
        ended[-1].kill()
    # A process that the kernel has not let go yet keeps its end until the next one ends.
    assert _open_files() <= before + 2


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Crashing:
    """A capture process that always ends with a crash."""

    pid = 1
    exit_code = -signal.SIGSEGV
    is_hung = False
    started = 0

    def __init__(self, *_: object) -> None:
        Crashing.started += 1
        self.connection, self._other = multiprocessing.Pipe()

    def beats(self) -> list[Beat]:
        return []

    def kill(self) -> None:
        pass


@pytest.mark.parametrize(("url", "given_up"), [("film.mp4", True), ("rtsp://camera.test/1", False)])
def test_a_recording_that_crashes_its_reader_is_given_up_and_a_camera_is_not(
    url: str, given_up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.slot.CaptureProcess", Crashing)
    monkeypatch.setattr("ingest.slot._LONGEST_RESTART", timedelta(milliseconds=1))
    monkeypatch.setattr(Crashing, "started", 0)
    settings = Settings.model_validate({"streams": [{"id": "s", "url": url}]})
    job = CaptureJob(settings.streams[0], settings.ingest, settings.redis, settings.log, "owner", None)
    slot = Slot(multiprocessing.get_context("forkserver"), job, Metrics())

    def over() -> bool:
        slot.step()
        return slot.finished or Crashing.started >= 20

    wait_until(over, description="it was given up, or started 20 times", interval=0.001)
    assert (slot.finished, slot.failed) == (given_up, given_up)
    assert (Crashing.started == 5) == given_up


def test_a_fork_server_that_is_gone_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise EOFError("unexpected EOF")

    monkeypatch.setattr("ingest.slot.CaptureProcess", gone)
    settings = Settings.model_validate({"streams": [{"id": "s", "url": "demo"}]})
    job = CaptureJob(settings.streams[0], settings.ingest, settings.redis, settings.log, "owner", None)
    slot = Slot(multiprocessing.get_context("forkserver"), job, Metrics())
    slot.step()
    assert (slot.process, slot.finished) == (None, False)
    monkeypatch.setattr("ingest.slot.CaptureProcess", Crashing)

    def started() -> bool:
        slot.step()
        return slot.process is not None

    wait_until(started, description="a process is started", interval=0.01)


class Undead:
    """A process that the kernel does not let go."""

    exitcode: int | None = None
    closed = False
    waited_s: float | None = None

    def kill(self) -> None:
        pass

    def join(self, timeout: float | None = None) -> None:
        self.waited_s = timeout

    def close(self) -> None:
        assert self.exitcode is not None
        self.closed = True


def test_a_process_that_cannot_be_killed_holds_up_nobody() -> None:
    killed = []
    for _ in range(2):
        process = CaptureProcess.__new__(CaptureProcess)
        process.connection, _other = multiprocessing.Pipe()
        process._process = undead = Undead()  # type: ignore[assignment]
        killed.append(undead)
        process.kill()
        assert undead.waited_s is not None
        for gone in killed[:-1]:
            assert gone.closed, "as soon as it has gone"
        assert not undead.closed
        undead.exitcode = -9
    process.kill()
    assert undead.closed


@pytest.mark.parametrize("watch", ["file", "webcams"])
def test_a_watch_goes_on_after_an_error(
    watch: str, broker: Broker, embedded_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del broker
    looks = []

    def look(*_: object, **__: object) -> None:
        looks.append(1)
        raise ValueError("unforeseen")

    monkeypatch.setattr("ingest.browser._AWAY_S", 0.01)
    monkeypatch.setattr("ingest.browser._LOOK_S", 0.01)
    monkeypatch.setattr("ingest.file_watch._LOOK_S", 0.01)
    monkeypatch.setattr(_Watch, "_look", look)
    monkeypatch.setattr(FileWatch, "_look", look)
    settings = Settings.model_validate({"redis": {"url": embedded_server.url}})
    if watch == "file":
        files = FileWatch(ConfigFile(tmp_path / "m.yaml"), settings, Metrics(), lambda _: None)
        files.start()
        end = files.end
    else:
        webcams = _Watch(settings.redis, "browser", "owner")
        webcams.start()
        end = webcams.stop
    wait_until(lambda: len(looks) > 2, description="it has looked again")
    end()


def test_a_recording_that_is_given_up_says_so_to_everybody(
    broker: Broker, embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.slot.CaptureProcess", Crashing)
    monkeypatch.setattr("ingest.slot._LONGEST_RESTART", timedelta(milliseconds=1))
    settings = Settings.model_validate(
        {
            "redis": {"url": embedded_server.url, "seal_key": new_key()},
            "streams": [{"id": "film", "url": "film.mp4", "labels": {"floor": "1"}}],
        }
    )
    supervisor = Supervisor(settings, find_yunet=lambda: None, metrics=Metrics())
    assert not supervisor.run(threading.Event(), exit_when_ended=True)
    last = status(broker, "film")
    assert last is not None
    assert last.state == "unsupported"
    assert last.sentence == "It is given up: reading film.mp4 failed 5 times."
    assert last.labels == {"floor": "1"}
