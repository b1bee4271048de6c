"""`moodline events` and `moodline streams` against a real server."""

import dataclasses
import fcntl
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.up.address import RunningUp, announced
from tests.cli.feeding import Feeder
from tests.cli.running import NOBODYS_RUNTIME, moodline, started
from tests.support.judging import all_events
from tests.support.wait import wait_until

DEADLINE_S = 30


@pytest.fixture
def env(embedded_server: EmbeddedServer) -> dict[str, str]:
    return {"REDIS_URL": embedded_server.url}


@pytest.fixture
def feeder(broker: Broker) -> Feeder:
    return Feeder(broker)


@contextmanager
def following(*options: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with started("events", "--follow", *options, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def json_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_events_as_json_lines_are_those_of_the_feed(feeder: Feeder, broker: Broker, env: dict[str, str]) -> None:
    feeder.feed("happy", frames=3)
    done = moodline("events", "--json", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    feed = cast("list[Any]", broker.client.xrange("moodline:{p0}:feed"))
    stored = [json.loads(fields[b"event"]) for _, fields in feed]
    printed = json_lines(done.stdout)
    assert [event["id"] for event in printed] == [event["id"] for event in stored]
    assert [event["kind"] for event in printed] == ["face_entered", "emotion", "emotion", "emotion"]
    assert {event["schema"] for event in printed} == {1}


def test_events_for_people_say_when_where_who_and_what(feeder: Feeder, broker: Broker, env: dict[str, str]) -> None:
    feeder.feed("happy")
    entered, emotion = moodline("events", env=env).stdout.splitlines()
    assert entered.endswith("  lobby  t-0  came into view")
    assert emotion.endswith("  lobby  t-0  happy 94% (steady: happy)")
    captured_at = all_events(broker)[-1].captured_at
    assert emotion.startswith(f"{captured_at.astimezone():%Y-%m-%d %H:%M:%S}.")


def test_events_can_be_narrowed_down(feeder: Feeder, env: dict[str, str]) -> None:
    feeder.feed("happy", frames=2)
    feeder.feed("sad", frames=3)

    def count(*options: str) -> int:
        return len(moodline("events", *options, env=env).stdout.splitlines())

    assert count("--kind", "emotion", "--emotion", "sad") == 3
    assert count("--stream", "lobby", "--kind", "face_entered", "--kind", "emotion") == 6
    assert count("--stream", "elsewhere") == 0


def test_a_count_takes_the_newest(feeder: Feeder, env: dict[str, str]) -> None:
    feeder.feed("happy", frames=5)
    done = moodline("events", "--json", "--kind", "emotion", "--count", "2", env=env)
    assert [event["frame"] for event in json_lines(done.stdout)] == [4, 5]


def test_following_shows_only_what_comes_and_ends_after_its_count(feeder: Feeder, env: dict[str, str]) -> None:
    feeder.feed("sad", frames=3)
    with following("--json", "--count", "2", env=env) as process:
        wait_until(
            lambda: feeder.feed("happy") and process.poll() is not None,
            description="it has seen two events",
            timeout=DEADLINE_S,
        )
        assert process.stdout is not None
        events = json_lines(process.stdout.read())
    assert process.returncode == 0
    assert [event["emotion"] for event in events] == ["happy", "happy"]


def test_a_follower_that_was_too_slow_is_told_what_it_missed(
    feeder: Feeder, broker: Broker, env: dict[str, str]
) -> None:
    seen: list[str] = []
    with following("--json", "--kind", "emotion", env=env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        threading.Thread(target=gather_ids, args=(process.stdout, seen), daemon=True).start()
        wait_until(lambda: feeder.feed() and seen, description="it follows", timeout=DEADLINE_S)
        process.send_signal(signal.SIGSTOP)
        feeder.feed(frames=20)
        fed = [event.id for event in all_events(broker)]
        broker.client.xtrim("moodline:{p0}:feed", maxlen=5, approximate=False)
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: seen[-1] == fed[-1], description="the last event", timeout=DEADLINE_S)
        process.kill()
        told = process.stderr.read()

    missing = set(fed[fed.index(seen[0]) :]) - set(seen)
    assert seen[-5:] == fed[-5:]
    assert missing
    assert told.startswith(f"{len(missing)} events had left the feed before they were read")


def gather_ids(lines: IO[str], ids: list[str]) -> None:
    """Append the ids of the events as they are printed."""
    ids.extend(json.loads(line)["id"] for line in lines)


def test_ctrl_c_ends_following_quietly(feeder: Feeder, env: dict[str, str]) -> None:
    # The second one is for knowing when the first one follows.
    with following(env=env) as process, following("--count", "1", env=env) as other:
        wait_until(lambda: feeder.feed() and other.poll() is not None, description="it follows", timeout=DEADLINE_S)
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=DEADLINE_S) == 130
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_reader_that_leaves_early_is_no_error(feeder: Feeder, env: dict[str, str]) -> None:
    feeder.feed(frames=300)  # more than a pipe holds
    with started("events", "--json", env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_streams_shows_the_ledger(feeder: Feeder, env: dict[str, str]) -> None:
    feeder.feed(frames=3)
    (stream,) = json_lines(moodline("streams", "--json", env=env).stdout)
    assert stream["id"] == "lobby"
    assert stream["ledger"] == {
        "accepted": 3,
        "events": 3,
        "dropped": dict.fromkeys(("stale", "overflow", "poison", "unreadable", "removed"), 0),
        "queued": 0,
    }
    table = moodline("streams", env=env).stdout
    assert "lobby" in table
    assert "accepted" in table


def test_before_the_first_stream_it_says_so(broker: Broker, env: dict[str, str]) -> None:
    assert broker.client.ping()
    assert moodline("streams", env=env).stdout == "No stream has been seen yet.\n"


def test_the_redis_of_a_running_up_is_found(
    feeder: Feeder, embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeder.feed()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(NOBODYS_RUNTIME))
    with announced(RunningUp(embedded_server.url, 8080, ["lobby"])):
        assert moodline("events").stdout.count("\n") == 2


def test_of_several_ups_one_is_chosen_by_its_port(
    feeder: Feeder, embedded_server: EmbeddedServer, runtime: Path
) -> None:
    feeder.feed()
    with announced(RunningUp(embedded_server.url, 8080, ["lobby"])), other_up(runtime, 8081):
        unsaid = moodline("events", env={"XDG_RUNTIME_DIR": str(runtime)})
        named = moodline("events", "--run", "8080", env={"XDG_RUNTIME_DIR": str(runtime)})
        unknown = moodline("events", "--run", "9999", env={"XDG_RUNTIME_DIR": str(runtime)})

    assert (unsaid.returncode, named.returncode, unknown.returncode) == (2, 0, 1)
    assert unsaid.stderr.startswith("There are several `moodline up`: 8080 (lobby), 8081 (hall). Name the one")
    assert named.stdout.count("\n") == 2
    assert "with its API on port 9999. Those that run: 8080 (lobby), 8081 (hall)." in unknown.stderr


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@contextmanager
def other_up(runtime: Path, port: int) -> Iterator[None]:
    """Another process that has announced a run."""
    run = RunningUp("unix:///nowhere/redis.sock", port, ["hall"])
    path = runtime / "moodline/run-1.json"
    with path.open("w", encoding="utf-8") as file:
        json.dump(dataclasses.asdict(run), file)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_the_address_of_a_killed_up_is_not_held_against_the_user(runtime: Path) -> None:
    (runtime / "moodline").mkdir(mode=0o700)
    with other_up(runtime, 8080):
        pass  # it has ended, and its file is still there
    done = moodline("events", env={"XDG_RUNTIME_DIR": str(runtime)})

    assert done.returncode == 1
    assert done.stderr.startswith("There is no Redis to ask: start `moodline up`")
