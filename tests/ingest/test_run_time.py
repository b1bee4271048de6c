"""Streams that come, change, pause and go while ingest runs, by the configuration file and by what stands in Redis."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from moodline.broker import Broker
from moodline.config.check import check_config
from moodline.declared import add_stream, change_stream
from moodline.embedded import EmbeddedServer
from moodline.known import known_stream, known_streams
from moodline.purge import remove_stream
from moodline.settings import ApiSettings
from tests.ingest.service import Ingest, accepted, status, wait_for_state
from tests.support.chaos import Subscriber
from tests.support.wait import wait_until
from tests.support.workers import start_worker

RULES = ApiSettings()
ENV = {"CAMERA_LOCKED": "s3cret"}


def camera(stream: str, **settings: Any) -> dict[str, Any]:
    return {"id": stream, "url": "demo", "fps": 4, "detect_width": 320, **settings}


def wait_for_line(ingest: Ingest, line: str) -> None:
    wait_until(lambda: line in ingest.log(), description=f"the log says {line!r}", timeout=20)


@pytest.fixture
def ingest(run: Any, broker: Broker) -> Any:
    """A running ingest of one camera, `keep`, which nothing that happens here may touch."""
    with run(
        {"keep": camera("keep")}, more={"api": {"stream_sources": ["demo", "rtsp://127.0.0.1"]}}, env=ENV
    ) as ingest:
        wait_until(lambda: accepted(broker, "keep") > 0, description="a face", timeout=20)
        yield ingest


def test_streams_are_added_changed_paused_and_removed_and_no_other_is_touched(ingest: Ingest, broker: Broker) -> None:
    kept = ingest.capture_pid("keep")
    ingest.write([camera("keep"), camera("door")])
    wait_for_state(broker, "door", "live")
    first = ingest.capture_pid("door")

    ingest.write([camera("keep"), camera("door", labels={"floor": "1"})])
    wait_until(lambda: _labels(broker) == {"floor": "1"}, description="the new settings count", timeout=20)
    wait_for_state(broker, "door", "live")
    assert ingest.capture_pid("door") != first

    ingest.write([camera("keep"), camera("door", labels={"floor": "1"}, enabled=False)])
    assert wait_for_state(broker, "door", "stopped").sentence == "It is paused: enabled is false."
    ingest.write([camera("keep"), camera("door", labels={"floor": "1"})])
    wait_for_state(broker, "door", "live")

    ingest.write([camera("keep")])
    assert wait_for_state(broker, "door", "stopped").sentence == "It was taken out of the configuration."

    assert ingest.capture_pid("keep") == kept
    assert Path(f"/proc/{kept}").exists()
    before = accepted(broker, "keep")
    wait_until(lambda: accepted(broker, "keep") > before, description="keep is still read")
    assert ingest.metrics()["moodline_streams_read"] == 1
    assert ingest.metrics()['moodline_config_changes_total{result="taken"}'] == 5


def _labels(broker: Broker) -> Any:
    found = status(broker, "door")
    return found.labels if found else None


def test_a_wrong_file_is_refused_as_check_config_would_and_the_old_one_goes_on(ingest: Ingest, broker: Broker) -> None:
    ingest.write([camera("keep"), camera("keep", fps=-1), {"id": "x", "url": "rtsp://u:secret@"}])
    wait_for_line(ingest, "is refused, and the old one goes on")
    sentences = check_config(ingest.config, {})
    assert len(sentences) == 3
    for sentence in sentences:
        wait_for_line(ingest, sentence)
    assert "secret" not in ingest.log()
    ingest.config.unlink()
    wait_for_line(ingest, "there is no such file")
    before = accepted(broker, "keep")
    wait_until(lambda: accepted(broker, "keep") > before, description="keep is still read")
    assert ingest.metrics()['moodline_config_changes_total{result="refused"}'] == 2
    ingest.write([camera("door")])
    wait_for_state(broker, "door", "live")
    assert ingest.metrics()['moodline_config_changes_total{result="taken"}'] == 1


def test_a_config_map_is_followed_when_its_folder_is_swapped(ingest: Ingest, broker: Broker, tmp_path: Path) -> None:
    """As the kubelet does it: moodline.yaml -> ..data/moodline.yaml, ..data -> a folder that is replaced."""
    text = ingest.config.read_text()
    for version, content in (("1", text), ("2", text.replace('"keep"', '"swapped"'))):
        (tmp_path / version).mkdir()
        (tmp_path / version / "moodline.yaml").write_text(content)
    data = tmp_path / "..data"
    data.symlink_to("1")
    ingest.config.unlink()
    ingest.config.symlink_to("..data/moodline.yaml")
    fresh = tmp_path / "..data_tmp"
    fresh.symlink_to("2")
    fresh.replace(data)
    wait_for_state(broker, "swapped", "live")
    wait_for_state(broker, "keep", "stopped")


def test_settings_beside_the_streams_are_named_once_and_sighup_reads_at_once(ingest: Ingest) -> None:
    ingest.write([camera("keep")], worker={"batch_size": 7}, redis={"partitions": 2})
    wait_for_line(ingest, "restart its services for: redis.partitions, worker.batch_size.")
    os.kill(ingest.process.pid, signal.SIGHUP)
    wait_until(lambda: ingest.log().count("is read again") == 2, description="it was read at once")
    assert ingest.log().count("restart its services") == 1
    assert ingest.process.poll() is None


def test_ingest_waits_for_its_first_stream(run: Any, broker: Broker) -> None:
    with run({}) as ingest:
        wait_for_line(ingest, "none yet; streams may be added while it runs")
        ingest.write([camera("door")])
        wait_for_state(broker, "door", "live")


def test_streams_of_run_time_are_read_paused_changed_and_removed(
    ingest: Ingest, broker: Broker, embedded_server: EmbeddedServer
) -> None:
    kept = ingest.capture_pid("keep")
    worker = start_worker(embedded_server, ingest.seal_key, module="tests.support.null_worker")
    try:
        with Subscriber(broker) as subscriber:
            add_stream(broker, RULES, {**camera("extra"), "fps": 10})
            wait_until(lambda: kinds(subscriber, "extra")["emotion"] > 5, description="its events come", timeout=30)
            change_stream(broker, RULES, "extra", {"enabled": False})
            wait_for_state(broker, "extra", "stopped")
            wait_until(lambda: has_left(subscriber, "extra"), description="its faces have left", timeout=20)
            change_stream(broker, RULES, "extra", {"enabled": True, "labels": {"floor": "2"}})
            seen = kinds(subscriber, "extra")["emotion"]
            wait_until(lambda: kinds(subscriber, "extra")["emotion"] > seen, description="it goes on", timeout=30)
            assert wait_for_state(broker, "extra", "live").labels == {"floor": "2"}
            remove_stream(broker, "extra", undeclare=True)
            wait_until(lambda: "was revoked" in ingest.log(), description="its reader is refused", timeout=20)
            wait_until(lambda: ingest.metrics()["moodline_streams_read"] == 1, description="it is read no longer")
            wait_until(lambda: has_left(subscriber, "extra"), description="its faces have left", timeout=20)
            assert [view.id for view in known_streams(broker)] == ["keep"]
    finally:
        worker.end()
    assert ingest.capture_pid("keep") == kept


def kinds(subscriber: Subscriber, stream: str) -> Counter[str]:
    return Counter(event.kind for event in list(subscriber.events) if event.stream == stream)


def has_left(subscriber: Subscriber, stream: str) -> bool:
    found = kinds(subscriber, stream)
    return 0 < found["face_entered"] == found["face_left"]


def test_a_stream_of_run_time_takes_its_password_from_the_environment_of_ingest(ingest: Ingest, broker: Broker) -> None:
    for stream, name in (("locked", "CAMERA_LOCKED"), ("unset", "CAMERA_UNSET")):
        url = f"rtsp://viewer:${{{name}}}@127.0.0.1:1/1"
        add_stream(broker, ApiSettings(stream_sources=("rtsp://127.0.0.1",)), {"id": stream, "url": url})
    wait_for_line(ingest, "The environment variable CAMERA_UNSET is not set where ingest runs")
    wait_until(lambda: "refuse" in str(status(broker, "locked")), description="it was tried", timeout=20)
    shown = {view.id: view.status for view in known_streams(broker)}
    assert shown["unset"] is not None
    assert "CAMERA_UNSET is not set" in shown["unset"].sentence
    assert "s3cret" not in ingest.log() + str(shown)


def test_ingest_itself_holds_to_the_sources_that_its_operator_allows(ingest: Ingest, broker: Broker) -> None:
    """Whoever can write to Redis is not the operator of this host."""
    add_stream(broker, ApiSettings(stream_sources=("/",)), {"id": "passwords", "url": "/etc/passwd"})
    add_stream(broker, RULES, camera("keep"))
    wait_for_line(
        ingest, "Stream passwords, added at run time, is not read here: The source /etc/passwd is not allowed"
    )
    wait_for_line(ingest, f"Stream keep, added at run time, is not read here: It stands in {ingest.config}, too")
    wait_until(lambda: "not allowed" in _sentence(broker, "passwords"), description="it is shown")


def _sentence(broker: Broker, stream: str) -> str:
    found = known_stream(broker, stream)
    return found.status.sentence if found and found.status else ""
