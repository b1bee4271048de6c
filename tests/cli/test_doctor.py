"""moodline doctor: each thing that can be wrong is named, with what to do; what is right is said to be."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis

from api.server import listen
from moodline.declared import add_stream
from moodline.doctor.machine import look_at_gpu
from moodline.doctor.server import look_at_redis
from moodline.embedded import EmbeddedServer
from moodline.sealing import new_key
from moodline.settings import ApiSettings, RedisSettings, WorkerSettings
from tests.cli.running import moodline
from tests.support.brokers import broker_on, server_binary
from tests.support.ports import free_port

Findings = dict[str, dict[str, Any]]


@contextmanager
def listening(answer: bytes) -> Iterator[int]:
    """A camera's port, which answers whoever asks with the same bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    connection.sendall(answer)

        Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def free_ports() -> dict[str, str]:
    """Ports that nobody uses, so that a moodline which runs on this machine does not matter."""
    sections = ("INGEST__METRICS", "WORKER__METRICS", "JOBS__METRICS", "API")
    return {f"MOODLINE_{section}_PORT": str(free_port()) for section in sections}


def doctor(config: str, folder: Path, **env: str) -> tuple[int, Findings]:
    file = folder / "moodline.yaml"
    file.write_text(config, encoding="utf-8")
    done = moodline("doctor", "--config", str(file), "--json", "--timeout", "2", env={**free_ports(), **env})
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(finding["advice"] for finding in findings if finding["grade"] != "ok"), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.returncode, {finding["subject"]: finding for finding in findings}


def test_the_demo_on_a_bare_machine_is_well(tmp_path: Path) -> None:
    code, found = doctor("streams: [{id: demo, url: demo}]", tmp_path)

    assert code == 0
    assert found.keys() >= {"configuration", "redis", "model", "stream demo", "gpu"}
    assert {finding["grade"] for finding in found.values()} <= {"ok", "warn"}


def test_for_people_it_prints_what_to_do_and_no_password(tmp_path: Path) -> None:
    file = tmp_path / "moodline.yaml"
    file.write_text("streams: [{id: door, url: 'rtsp://viewer:sesame@127.0.0.1:1/s'}]", encoding="utf-8")
    done = moodline("doctor", "--config", str(file), env=free_ports())

    assert done.returncode == 1
    assert (
        "FAIL  stream door: 127.0.0.1:1 cannot be reached (Connection refused).\n      -> Is the camera on"
        in done.stdout
    )
    assert "sesame" not in done.stdout + done.stderr


def test_cameras_are_told_apart(tmp_path: Path) -> None:
    with listening(b"RTSP/1.0 401 Unauthorized\r\n\r\n") as rtsp, listening(b"HTTP/1.1 200 OK\r\n\r\n") as web:
        streams = [
            {"id": "good", "url": f"rtsp://127.0.0.1:{rtsp}/s"},
            {"id": "web", "url": f"rtsp://127.0.0.1:{web}/s"},
            {"id": "nameless", "url": "http://camera.invalid/s"},
            {"id": "file", "url": "/nowhere/clip.mp4"},
            {"id": "webcam", "url": "/dev/video99"},
            {"id": "off", "url": "rtsp://127.0.0.1:1/s", "enabled": False},
        ]
        code, found = doctor(json.dumps({"streams": streams}), tmp_path)

    assert code == 1
    assert found["stream good"]["grade"] == "ok"
    assert "not as an RTSP server" in found["stream web"]["sentence"]
    assert "camera.invalid" in found["stream nameless"]["sentence"]
    assert found["stream file"]["grade"] == found["stream webcam"]["grade"] == "fail"
    assert "stream off" not in found


def test_a_port_that_another_program_has_is_named(tmp_path: Path) -> None:
    with listening(b"HTTP/1.0 200 OK\r\n\r\nhello") as port:
        code, found = doctor("streams: []", tmp_path, MOODLINE_API__PORT=str(port))

    assert code == 1
    assert found[f"port {port}"]["grade"] == "fail"


def test_the_port_of_jobs_is_looked_at_too(tmp_path: Path) -> None:
    with listening(b"HTTP/1.0 200 OK\r\n\r\nhello") as port:
        code, found = doctor("streams: []", tmp_path, MOODLINE_JOBS__METRICS_PORT=str(port))

    assert code == 1
    assert "jobs.metrics_port" in found[f"port {port}"]["sentence"]


def test_a_port_that_moodline_itself_has_is_well(tmp_path: Path) -> None:
    with listening(b"HTTP/1.0 200 OK\r\n\r\nmoodline_worker_ready 1.0\n") as port:
        _, found = doctor("streams: []", tmp_path, MOODLINE_API__PORT=str(port))

    assert found[f"port {port}"]["grade"] == "ok"


@pytest.mark.parametrize("host", ["::1", "::"])
def test_addresses_of_ipv6_are_opened_as_the_api_opens_them(tmp_path: Path, host: str) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    port = free_port()
    code, found = doctor("streams: []", tmp_path, MOODLINE_API__HOST=host, MOODLINE_API__PORT=str(port))
    assert (code, found[f"port {port}"]["grade"]) == (0, "ok")

    with listen(host, port):
        _, found = doctor("streams: []", tmp_path, MOODLINE_API__HOST=host, MOODLINE_API__PORT=str(port))
    assert found[f"port {port}"]["grade"] == "fail"


def test_jobs_are_looked_at_where_they_are_configured(tmp_path: Path, server: EmbeddedServer) -> None:
    env = {"REDIS_URL": server.url, "MOODLINE_SEAL_KEY": new_key()}
    _, without = doctor("streams: []", tmp_path, **env)
    code, well = doctor("streams: []", tmp_path, **env, MOODLINE_JOBS__FOLDER=str(tmp_path / "new" / "jobs"))
    broken = {"JOBS_REDIS_URL": "redis://127.0.0.1:1/0", "MOODLINE_JOBS__FOLDER": "/proc/nowhere"}
    failed, bad = doctor("streams: []", tmp_path, **env, **broken)

    assert not without.keys() & {"jobs redis", "jobs folder"}
    assert (code, well["jobs redis"]["grade"], well["jobs folder"]["grade"]) == (0, "ok", "ok")
    assert not (tmp_path / "new").exists(), "nothing is left"
    assert (failed, bad["jobs redis"]["grade"], bad["jobs folder"]["grade"]) == (1, "fail", "fail")
    assert "/proc/nowhere" in bad["jobs folder"]["sentence"]
    assert "JOBS_REDIS_URL" in bad["jobs redis"]["advice"]


def test_streams_of_run_time_are_looked_at_too(tmp_path: Path, server: EmbeddedServer) -> None:
    env = {"REDIS_URL": server.url, "MOODLINE_SEAL_KEY": new_key()}
    sources = ("demo", "rtsp://127.0.0.0/8")
    with closing(broker_on(server)) as broker:
        for stream, url in (
            ("door", "rtsp://127.0.0.1:1/s"),
            ("secret", "rtsp://u:${CAMERA_DOOR}@127.0.0.1:1/s"),
            ("demo", "demo"),
        ):
            add_stream(broker, ApiSettings(stream_sources=sources), {"id": stream, "url": url})
        add_stream(broker, ApiSettings(stream_sources=sources), {"id": "off", "url": "demo", "enabled": False})
    code, found = doctor("api: {stream_sources: ['rtsp://127.0.0.0/8']}", tmp_path, **env)

    assert code == 1
    assert "streams" not in found
    assert "stream off" not in found
    assert "127.0.0.1:1 cannot be reached" in found["stream door"]["sentence"]
    assert (found["stream secret"]["grade"], found["stream demo"]["grade"]) == ("warn", "fail")
    assert "CAMERA_DOOR" in found["stream secret"]["sentence"]


def test_a_gpu_that_nobody_uses_is_a_warning() -> None:
    def grade(names: str | None, *engines: str, engine: str = "auto") -> tuple[str, str]:
        found = look_at_gpu(WorkerSettings.model_validate({"engine": engine}), names=names, engines=engines)
        assert found.advice or found.grade == "ok"
        return found.grade, found.sentence

    assert grade(None, "openvino") == ("ok", "There is no NVIDIA GPU; the worker uses the CPU (openvino).")
    assert grade("", "tensorflow") == ("warn", "A driver is loaded, but nvidia-smi shows no GPU.")
    assert grade("NVIDIA T4", "openvino") == ("warn", "NVIDIA T4 is there and idle.")
    assert grade("NVIDIA T4", "tensorflow", "openvino", engine="openvino")[0] == "warn"
    assert grade("NVIDIA T4", "tensorflow", "jax") == ("ok", "NVIDIA T4, with TensorFlow.")
    assert grade("NVIDIA T4", "openvino", "jax") == ("ok", "NVIDIA T4, with JAX.")


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, found = doctor("worker: {model: no-such-model}", tmp_path)

    assert code == 1
    assert "There is no model no-such-model" in found["model"]["sentence"]


def test_a_wrong_configuration_ends_it_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "moodline.yaml"
    file.write_text("worker:\n  batch_size: many\n", encoding="utf-8")
    done = moodline("doctor", "--config", str(file))

    assert done.returncode == 2
    assert f"{file}:2: worker.batch_size: " in done.stderr


def grades(url: str, *, key: bool = True) -> dict[str, str]:
    settings = RedisSettings.model_validate({"url": url, "seal_key": new_key() if key else None})
    return {finding.subject: finding.grade for finding in look_at_redis(settings)}


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(binary=server_binary("redis")) as server:
        yield server


def test_a_server_that_forgets_is_a_warning(server: EmbeddedServer) -> None:
    found = grades(server.url)

    assert found == {"seal key": "ok", "redis": "ok", "redis memory": "ok", "redis file": "warn", "clock": "ok"}


@pytest.mark.parametrize(("skew_s", "word"), [(5.0, "before"), (-5.0, "behind")])
def test_a_clock_that_is_wrong_is_a_warning(server: EmbeddedServer, skew_s: float, word: str) -> None:
    settings = RedisSettings.model_validate({"url": server.url, "seal_key": new_key()})
    found = {one.subject: one for one in look_at_redis(settings, lambda: time.time() + skew_s)}

    assert found["clock"].grade == "warn"
    assert re.search(rf"is [45]\.\d\d s {word} that of Redis", found["clock"].sentence)
    assert "NTP" in found["clock"].advice


def test_a_server_without_a_limit_is_a_warning_and_a_nearly_full_one_too(server: EmbeddedServer) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", 0)
        assert grades(server.url)["redis memory"] == "warn"
        client.config_set("maxmemory", int(client.info()["used_memory"] * 1.1))
        assert grades(server.url)["redis memory"] == "warn"


def test_a_server_that_evicts_fails(server: EmbeddedServer) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")

    assert grades(server.url) == {"seal key": "ok", "redis": "fail"}


def test_a_server_that_is_not_there_fails() -> None:
    assert grades("redis://127.0.0.1:1/0") == {"seal key": "ok", "redis": "fail"}


def test_services_on_a_server_of_yours_need_a_key(server: EmbeddedServer) -> None:
    assert grades(server.url, key=False)["seal key"] == "fail"
