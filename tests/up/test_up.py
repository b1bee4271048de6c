"""Everything together: real processes, real faces, a real end."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.running import moodline, started
from tests.support.needs import SHARED, shared
from tests.support.wait import wait_until

CLIP = "data/media/short_hamilton_clip.mp4"
NO_FACES = "data/media/no_face"
YUNET = "models/face_detection_yunet_2023mar.onnx"
# A worker that has never run on this machine converts its model first, and CI machines are slow.
START_S = 90.0
EVENT = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  (?P<stream>\S+)  (?P<track>\S+)  (?P<what>.+)$")
ROW = re.compile(r"^ ?(?P<stream>\S+) +(?P<tracks>\d+) +(?P<events>\d+) +(?P<rate>[\d.]+) ")
README = Path(__file__).resolve().parents[2] / "README.md"
README_PATHS = re.findall(r"^curl 'http://127\.0\.0\.1:8080(.*)'$", README.read_text(encoding="utf-8"), re.MULTILINE)
LEDGER = re.compile(
    r"^(\S+): accepted (\d+) = (\d+) events \+ (\d+) dropped.* \+ (\d+) queued \(balanced\)$", re.MULTILINE
)


@dataclass(frozen=True)
class Run:
    """A `moodline up` that has ended."""

    code: int
    out: str
    err: str

    def events(self, stream: str) -> list[str]:
        """What the lines said of emotions in one stream."""
        found = (EVENT.match(line) for line in self.out.splitlines())
        return [match["what"] for match in found if match and match["stream"] == stream and "%" in match["what"]]

    def row(self, stream: str) -> re.Match[str]:
        """The stream's row of the summary table."""
        _, _, summary = self.out.partition("Summary of ")
        rows = [match for match in map(ROW.match, summary.splitlines()) if match and match["stream"] == stream]
        assert len(rows) == 1, self.out[-2000:] + self.err
        return rows[0]

    def ledger(self, stream: str) -> tuple[int, int, int, int]:
        """(accepted, events, dropped, queued) of a ledger that was called balanced."""
        lines = {name: tuple(map(int, numbers)) for name, *numbers in LEDGER.findall(self.out)}
        assert stream in lines, self.out[-2000:] + self.err
        accepted, events, dropped, queued = lines[stream]
        return accepted, events, dropped, queued


def env_for(runtime: Path) -> dict[str, str]:
    """An environment in which nothing is downloaded: the Haar cascade stands in where YuNet's model is missing."""
    model = SHARED / YUNET
    detector = {"MODEL": str(model)} if model.exists() else {"DOWNLOAD": "false"}
    settings = {f"MOODLINE_INGEST__DETECTOR_{name}": value for name, value in detector.items()}
    return {**settings, "XDG_RUNTIME_DIR": str(runtime)}


def up(runtime: Path, *arguments: str) -> Run:
    done = moodline("up", *arguments, env=env_for(runtime), timeout=START_S)
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo camera beside a camera that is not there, for some seconds."""
    sources = ["--source", "demo", "--source", "rtsp://viewer:sesame@127.0.0.1:1/stream1"]
    return up(tmp_path_factory.mktemp("watched"), *sources, "--duration", "8")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A clip with faces and a folder of pictures without, to their ends."""
    shared(YUNET)  # the cascade misses many of these faces
    sources = [
        "--source",
        str(shared(CLIP)),
        "--source",
        str(shared(NO_FACES)),
        "--source",
        "/nowhere/clip.avi",
    ]
    return up(tmp_path_factory.mktemp("recorded"), *sources)


def test_it_says_where_to_show_it_ones_own_webcam(watched: Run) -> None:
    assert re.search(r"Your own webcam: http://127\.0\.0\.1:\d+/webcam$", watched.err, re.MULTILINE)


def test_a_picture_of_a_face_is_a_recording_that_ends(tmp_path: Path) -> None:
    run = up(tmp_path, "--source", str(shared("data/media/stills/faceapi_happy.jpg")))

    assert run.code == 0, run.err
    assert run.ledger("faceapi_happy")[1] >= 1


def test_a_model_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    env = {**env_for(tmp_path), "MOODLINE_WORKER__MODEL": "no-such-model"}
    done = moodline("up", "--source", "demo", "--duration", "5", env=env, timeout=START_S)

    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert 1 <= done.stderr.count("There is no model no-such-model") <= 2, done.stderr


def test_the_demo_gives_an_event_a_second_and_a_summary(watched: Run) -> None:
    assert watched.code == 0, watched.err
    assert float(watched.row("demo")["rate"]) >= 1
    assert int(watched.row("demo")["events"]) == len(watched.events("demo")) == watched.ledger("demo")[1]


def test_every_accepted_face_is_accounted_for(watched: Run, recorded: Run) -> None:
    for run, stream in ((watched, "demo"), (recorded, "short_hamilton_clip")):
        accepted, events, dropped, queued = run.ledger(stream)
        assert accepted == events + dropped + queued > 0
    assert recorded.ledger("short_hamilton_clip")[2:] == (0, 0)


def test_a_camera_that_is_not_there_is_named_and_stops_nothing(watched: Run) -> None:
    assert re.search(r"^camera-1: connecting: .*rtsp://\*\*\*@127\.0\.0\.1:1/stream1", watched.out, re.MULTILINE)
    assert watched.ledger("camera-1") == (0, 0, 0, 0)


def test_no_password_is_ever_shown(watched: Run) -> None:
    assert "sesame" not in watched.out + watched.err


def test_recordings_end_by_themselves(recorded: Run) -> None:
    assert recorded.code == 0, recorded.err
    assert len(recorded.events("short_hamilton_clip")) > 275  # more than one face a frame
    assert "short_hamilton_clip: ended: " in recorded.out


def test_tracks_last_over_frames(recorded: Run) -> None:
    row = recorded.row("short_hamilton_clip")
    assert int(row["tracks"]) < int(row["events"]) / 5


def test_pictures_without_faces_give_no_event(recorded: Run) -> None:
    assert recorded.events("no_face") == []
    assert recorded.ledger("no_face") == (0, 0, 0, 0)
    assert re.search(r"no_face .*no faces were found", recorded.out)


def test_a_file_that_is_not_there_is_named_and_stops_nothing(recorded: Run) -> None:
    assert re.search(r"^clip: not_found: .*/nowhere/clip\.avi", recorded.out, re.MULTILINE)


@dataclass(frozen=True)
class Lived:
    """What was seen of a running `moodline up` whose worker was killed, and how it ended on Ctrl-C."""

    answers: dict[str, object]
    event_of_an_added_stream: str
    event_after_the_kill: str
    streams: str
    stopped_in_s: float
    run: Run
    events_afterwards: int


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """The demo camera until Ctrl-C."""
    if not Path("/proc/self/task").exists():
        pytest.skip("finds the processes in /proc")
    env = env_for(tmp_path_factory.mktemp("lived"))
    with started("up", "--source", "demo", env=env) as process:
        try:
            return live(process, env)
        finally:
            process.kill()


def live(process: subprocess.Popen[str], env: dict[str, str]) -> Lived:
    assert process.stdout is not None
    assert process.stderr is not None
    address = re.search(r"http://\S+:\d+", process.stderr.readline())
    assert address is not None
    assert EVENT.match(process.stdout.readline())
    answers = {path: ask(address[0] + path) for path in README_PATHS}
    ask(address[0] + "/v1/streams", {"id": "porch", "url": "demo"})
    added = next(line for line in process.stdout if (told := EVENT.match(line)) and told["stream"] == "porch")
    kill_worker(process.pid)
    # Other commands find the running one by themselves.
    event = moodline("events", "--follow", "--count", "1", env=env, timeout=START_S).stdout
    streams = moodline("streams", env=env).stdout
    asked_at = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    stopped_in_s = time.monotonic() - asked_at
    afterwards = moodline("events", env=env).returncode
    return Lived(answers, added, event, streams, stopped_in_s, Run(process.returncode, out, err), afterwards)


def ask(url: str, asked: object = None) -> object:
    """What the API answers to a GET, or to a POST of ``asked``; an error status raises."""
    # No proxy of the environment stands between this machine and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = None if asked is None else json.dumps(asked).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with opener.open(request, timeout=10) as answer:
        return json.load(answer)


def child(parent: int, module: str) -> int | None:
    """The process id of a service that `moodline up` runs."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for pid in map(int, children):
        if f"-m\0{module}\0" in Path(f"/proc/{pid}/cmdline").read_text():
            return pid
    return None


def kill_worker(parent: int) -> None:
    """Kill the worker and wait until there is another one."""
    killed = child(parent, "worker")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: child(parent, "worker") not in (None, killed), description="another worker runs")


def test_a_killed_worker_comes_back(lived: Lived) -> None:
    assert "The worker ended with exit code -9; it starts again" in lived.run.err
    assert EVENT.match(lived.event_after_the_kill)


def test_other_commands_find_the_running_one(lived: Lived) -> None:
    assert re.search(r"demo +live ", lived.streams)
    assert lived.events_afterwards == 1  # and after its end there is nothing to be asked


def test_the_api_answers_what_the_readme_asks(lived: Lived) -> None:
    assert len(lived.answers) >= 5
    assert all(lived.answers.values())


def test_a_stream_that_is_posted_to_the_api_is_read(lived: Lived) -> None:
    assert EVENT.match(lived.event_of_an_added_stream)


def test_ctrl_c_ends_everything_in_order(lived: Lived) -> None:
    assert lived.run.code == 0, lived.run.err
    assert lived.stopped_in_s <= 10
    assert lived.run.ledger("demo")[3] == 0  # nothing is left in the queue


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = up(tmp_path, "--source", "demo", "--port", str(port))
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert f"Port {port} on 127.0.0.1" in line
    assert "--port" in line


def test_a_redis_that_is_not_there_is_one_sentence() -> None:
    done = moodline("up", "--source", "demo", env={"REDIS_URL": "redis://127.0.0.1:1/0"})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "Redis at redis://127.0.0.1:1/0 cannot be reached" in line
