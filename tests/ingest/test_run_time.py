"""Streams that come, change, pause and go while ingest runs, by the configuration file."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from moodline.broker import Broker
from moodline.config.check import check_config
from tests.ingest.service import Ingest, accepted, status, wait_for_state
from tests.support.wait import wait_until


def camera(stream: str, **settings: Any) -> dict[str, Any]:
    return {"id": stream, "url": "demo", "fps": 4, "detect_width": 320, **settings}


def wait_for_line(ingest: Ingest, line: str) -> None:
    wait_until(lambda: line in ingest.log(), description=f"the log says {line!r}", timeout=20)


@pytest.fixture
def ingest(run: Any, broker: Broker) -> Any:
    """A running ingest of one camera, `keep`, which nothing that happens here may touch."""
    with run({"keep": camera("keep")}) as ingest:
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
