"""Names of sources, ports, and what `moodline up` finds and says before anything starts."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from moodline.errors import ConfigError, PortTakenError
from moodline.sealing import new_key
from moodline.up.address import RunningUp, announced, running_ups
from moodline.up.plan import Options, environment, make_plan, seal_key
from moodline.up.ports import ClaimedPorts
from moodline.up.sources import name_sources


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("urls", "names"),
    [
        (["demo"], ["demo"]),
        (["demo", "demo"], ["demo", "demo-2"]),
        (["/videos/Short Clip (1).mp4"], ["short-clip-1"]),
        (["clip.mp4", "other/clip.avi"], ["clip", "clip-2"]),
        (["faces/*.jpg"], ["faces"]),
        (["rtsp://user:secret@camera/1", "0", "/dev/video2"], ["camera-1", "camera-2", "camera-3"]),
        (["rtsp://camera/1", "demo", "https://host/live.mp4"], ["camera-1", "demo", "camera-2"]),
    ],
)
def test_sources_are_named_after_what_they_are(urls: list[str], names: list[str]) -> None:
    assert [name for name, _ in name_sources(urls)] == names


def test_a_name_never_holds_a_password() -> None:
    plan = make_plan(Options(sources=["rtsp://user:secret@camera.test/1"]))
    assert "secret" not in repr(plan.streams)


def test_without_anything_to_watch_it_says_what_to_give() -> None:
    with pytest.raises(ConfigError, match="--source demo"):
        make_plan(Options())


def test_sources_take_the_place_of_the_configured_streams(tmp_path: Path) -> None:
    config = tmp_path / "moodline.yaml"
    config.write_text("streams:\n  - {id: lobby, url: demo}\nworker: {batch_size: 7}\n")
    assert [stream.id for stream in make_plan(Options(config=config)).streams] == ["lobby"]
    plan = make_plan(Options(config=config, sources=["clip.mp4"]))
    assert [stream.id for stream in plan.streams] == ["clip"]
    assert plan.settings.worker.batch_size == 7


def test_a_chosen_port_that_is_taken_is_named(taken_port: int) -> None:
    with pytest.raises(PortTakenError, match=f"Port {taken_port} on 127.0.0.1.* --port"):
        make_plan(Options(sources=["demo"], port=taken_port))


def test_a_configured_port_that_is_taken_is_named(taken_port: int, tmp_path: Path) -> None:
    config = tmp_path / "moodline.yaml"
    config.write_text(f"api: {{port: {taken_port}}}\n")
    with pytest.raises(PortTakenError, match=f"Port {taken_port}"):
        make_plan(Options(config=config, sources=["demo"]))


def test_a_default_port_that_is_taken_gives_way_to_the_next() -> None:
    first = make_plan(Options(sources=["demo"])).api_port
    with socket.create_server(("127.0.0.1", first)):
        assert make_plan(Options(sources=["demo"])).api_port > first


def test_only_who_handles_faces_gets_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOODLINE_SEAL_KEY", new_key())
    given = make_plan(Options(sources=["demo"]))
    assert seal_key(given.settings)["MOODLINE_SEAL_KEY"] == os.environ["MOODLINE_SEAL_KEY"]
    assert not environment(given, "redis://localhost")["MOODLINE_SEAL_KEY"]
    monkeypatch.delenv("MOODLINE_SEAL_KEY")
    plan = make_plan(Options(sources=["demo"]))
    assert not environment(plan, "redis://localhost")["MOODLINE_SEAL_KEY"]
    first, second = seal_key(plan.settings), seal_key(plan.settings)
    assert first["MOODLINE_SEAL_KEY"] != second["MOODLINE_SEAL_KEY"]


@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_the_address_of_a_running_up_is_found_by_its_user_only(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert running_ups() == []
    mine = RunningUp("unix:///somewhere", 8080, ["demo"])
    with announced(mine):
        assert running_ups() == [mine]
        (directory,) = tmp_path.iterdir()
        directory.chmod(0o777)  # anybody could have written there
        assert running_ups() == []
        directory.chmod(0o700)
    assert running_ups() == []


HOLDER = """
import sys, time
from moodline.up.address import RunningUp, announced
from moodline.up.ports import ClaimedPorts

claims = ClaimedPorts()
port = claims.next_free("127.0.0.1", int(sys.argv[1]))
with announced(RunningUp(f"unix:///{port}", port, ["one", "two"])):
    print(port, flush=True)
    sys.stdin.read()
"""


def test_each_of_several_runs_is_found_until_it_ends_or_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    first_port = ClaimedPorts().next_free("127.0.0.1", 21_000)
    command = [sys.executable, "-c", HOLDER, str(first_port)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as second,
    ):
        assert first.stdout is not None
        assert second.stdout is not None
        # Nothing listens on any of them yet.
        ports = [int(first.stdout.readline()), int(second.stdout.readline())]
        assert ports[0] != ports[1]
        assert [run.api_port for run in running_ups()] == sorted(ports)
        first.kill()
        first.wait()
        assert [run.api_port for run in running_ups()] == [ports[1]]
        second.communicate("")
    assert running_ups() == []
    assert [path.name for path in (tmp_path / "moodline").glob("run-*")] == []
