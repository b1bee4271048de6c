"""Log lines: JSON for collectors with the ids to follow a face by, text for people, and never a password."""

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.embedded import EmbeddedServer
from moodline.event import read_events
from moodline.logs import JsonFormatter, _in_container
from tests.ingest.service import Ingest
from tests.support.brokers import frame_of, live_stream
from tests.support.wait import wait_until
from tests.worker.test_pipeline import ToldEngine, start_pipeline

CAMERA = "rtsp://viewer:sesame@127.0.0.1:1/stream1"


def open_engine() -> ToldEngine:
    engine = ToldEngine()
    engine.gate.set()
    return engine


def formatted(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(JsonFormatter("worker").format(record))
    return found


def test_a_line_of_a_collector_has_its_time_and_extra_fields_and_no_password() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "WARNING", "msg": "%s is away", "args": (CAMERA,), "stream": "door", "crop": "c/1"}
    )
    line = formatted(record)

    assert (line["level"], line["service"], line["stream"], line["crop"]) == ("warning", "worker", "door", "c/1")
    assert line["time"].endswith("+00:00")
    assert "127.0.0.1" in line["message"]
    assert "sesame" not in line["message"]


@pytest.mark.parametrize("mark", ["/.dockerenv", "/run/.containerenv"])
def test_a_container_is_known_by_what_docker_and_podman_put_there(mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    assert not _in_container()

    monkeypatch.setattr(Path, "exists", lambda path: str(path) == mark)
    assert _in_container()


def test_every_line_about_a_stream_names_it(embedded_server: EmbeddedServer, tmp_path: Path) -> None:
    streams = [{"id": "door", "url": CAMERA}]
    environment = {"MOODLINE_LOG__FORMAT": "json"}
    haar = {"detector_model": None, "detector_download": False}
    with Ingest(
        tmp_path,
        redis_url=embedded_server.url,
        streams=streams,
        model=Path(),
        ingest=haar,
        env=environment,
    ) as ingest:
        wait_until(lambda: "/stream1" in ingest.log(), description="it says that the camera is away", timeout=20)
        lines = [json.loads(line) for line in ingest.log().splitlines() if line.startswith("{")]

    assert {line["stream"] for line in lines if line["service"].startswith("ingest/")} == {"door"}
    assert "sesame" not in ingest.log()


def test_the_worker_says_which_events_came_of_what(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="worker.pipeline")
    running = start_pipeline(broker, open_engine())
    reader = Reader.acquire(broker, live_stream(), owner="h", lease=timedelta(seconds=60), recorded=False)
    reader.enqueue(frame_of(1, faces=2), age_ms=0)
    wait_until(lambda: "Committed" in caplog.text, description="it says so", timeout=20)
    running.end()

    lines = [formatted(record) for record in caplog.records if "Committed" in record.getMessage()]
    events = {event.id for _, event in read_events(broker)[0] if event.kind == "emotion"}
    assert {line["stream"] for line in lines} == {"lobby"}
    assert {event for line in lines for event in line["events"]} == events


def test_a_crop_that_nobody_can_read_is_named_by_its_entry(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    running = start_pipeline(broker, open_engine())
    reader = Reader.acquire(broker, live_stream(), owner="h", lease=timedelta(seconds=60), recorded=False)
    queue = broker.keys_of("lobby").of_stream("queue", "lobby")
    entry: Any = broker.client.xadd(queue, {"meta": b"no crop", "image": b""})
    reader.enqueue(frame_of(1), age_ms=0)
    wait_until(lambda: "dropped as poison" in caplog.text, description="it says so", timeout=20)
    running.end()

    (line,) = [formatted(record) for record in caplog.records if "dropped as poison" in record.getMessage()]
    assert (line["stream"], line["reason"], line["entry"]) == ("lobby", "poison", entry.decode())
