"""`python -m api` as a process: it says where it is, stops in order, and explains why it cannot start."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from moodline.broker import Broker
from tests.api.sse import live
from tests.api.stage import Scene
from tests.support.brokers import url_of
from tests.support.repository import ROOT

STOPPED_WITHIN_S = 10


def environment(redis_url: str, port: int = 0, **more: str) -> dict[str, str]:
    return {**os.environ, "REDIS_URL": redis_url, "MOODLINE_API__PORT": str(port), **more}


@contextmanager
def running(broker: Broker) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Start the service on a free port and read its address from its log."""
    with subprocess.Popen(
        [sys.executable, "-m", "api"],
        cwd=ROOT,
        env=environment(url_of(broker)),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            found = next(filter(None, (re.search(r"http://[\d.]+:\d+", line) for line in process.stderr)))
            with httpx.Client(base_url=found[0], timeout=15, trust_env=False) as client:
                yield process, client
        finally:
            process.kill()


def failure(env: dict[str, str], *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "api", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order_and_says_goodbye_to_subscribers(
    broker: Broker, scene: Scene, stop: signal.Signals
) -> None:
    with running(broker) as (process, client), live(client) as coming, live(client) as other:
        scene.see("door", "happy")
        assert next(coming).event == "face_entered"
        asked = time.monotonic()
        process.send_signal(stop)

        assert [message.event for message in coming][-1] == "closing"
        assert [message.event for message in other][-1] == "closing"
        assert process.wait(STOPPED_WITHIN_S) == 0
        assert time.monotonic() - asked < STOPPED_WITHIN_S


def test_a_subscriber_that_reads_nothing_does_not_hold_up_the_end(broker: Broker, scene: Scene) -> None:
    with (
        running(broker) as (process, client),
        socket.create_connection((client.base_url.host, client.base_url.port or 0)) as silent,
    ):
        silent.sendall(b"GET /v1/events/live?cursor=0_0-0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert silent.recv(15) == b"HTTP/1.1 200 OK"
        scene.see("door", "happy", "sad", "angry")
        process.terminate()

        assert process.wait(STOPPED_WITHIN_S) == 0


def test_a_taken_port_is_named(broker: Broker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = failure(environment(url_of(broker), port))

    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "choose another api.port" in said


def test_a_redis_that_is_not_there_is_named_without_its_password() -> None:
    code, said = failure(environment("redis://:sesame@127.0.0.1:1/0"))

    assert code == 1
    assert "Redis at redis://***@127.0.0.1:1/0 cannot be reached" in said
    assert "sesame" not in said


def test_a_wrong_configuration_is_named(tmp_path: Path, broker: Broker) -> None:
    config = tmp_path / "moodline.yaml"
    config.write_text("api:\n  port: many\n", encoding="utf-8")

    env = environment(url_of(broker))
    del env["MOODLINE_API__PORT"]
    code, said = failure(env, "--config", str(config))

    assert code == 2
    assert "moodline.yaml:2" in said
    assert "api.port" in said
