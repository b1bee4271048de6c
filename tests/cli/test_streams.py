"""`moodline streams add|pause|resume|remove`: streams of run time from the command line."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from moodline.broker import Broker
from moodline.declared import declared_streams
from moodline.hosts import IngestHost, announce
from tests.cli.running import moodline
from tests.support.brokers import url_of
from tests.support.queues import reader_of


def test_a_stream_is_added_paused_resumed_and_removed(broker: Broker) -> None:
    env = {"REDIS_URL": url_of(broker)}
    added = moodline("streams", "add", "extra", "demo", "--set", "fps=2", "--set", "labels={floor: one}", env=env)
    assert (added.returncode, added.stderr) == (0, "")
    assert declared_streams(broker)["extra"].values == {
        "id": "extra",
        "url": "demo",
        "fps": 2,
        "labels": {"floor": "one"},
    }
    assert moodline("streams", "pause", "extra", env=env).returncode == 0
    listed = json.loads(moodline("streams", "--json", env=env).stdout)
    assert (listed["id"], listed["declared"], listed["enabled"]) == ("extra", "api", False)
    assert "It is paused" in moodline("streams", env=env).stdout
    assert moodline("streams", "resume", "extra", env=env).returncode == 0
    assert declared_streams(broker)["extra"].enabled
    assert moodline("streams", "remove", "extra", env=env).stdout == "Removed stream extra.\n"
    assert declared_streams(broker) == {}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("add", "x", "rtsp://camera.test/1"), 1, "rtsp://camera.test is not allowed here"),
        (("add", "x", "rtsp://u:hunter2@camera.test/1"), 2, "write ${CAMERA_NAME} in its place"),
        (("add", "x", "demo", "--set", "fps=-1"), 2, "fps: must be more than 0"),
        (("add", "x", "demo", "--set", "fps"), 2, "write it as NAME=VALUE"),
        (("add", "gate", "demo"), 1, "stands in /etc/moodline.yaml of the ingest host h; change it there"),
        (("pause", "gate"), 1, "stands in /etc/moodline.yaml"),
        (("remove", "lobby"), 1, "`moodline purge --stream lobby`"),
        (("resume", "attic"), 2, "There is no stream 'attic'"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    broker: Broker, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    reader_of(broker)  # of the stream lobby
    announce(broker, IngestHost("h/1", declares={"gate": True}, file="/etc/moodline.yaml"), timedelta(minutes=1))
    done = moodline("streams", *arguments, env={"REDIS_URL": url_of(broker)})
    assert done.returncode == code
    assert sentence in " ".join(done.stderr.replace("│", " ").split())
    assert "hunter2" not in done.stderr


def test_an_empty_file_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "moodline.yaml"
    file.write_text("# nothing yet\n")
    done = moodline("check-config", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{file} is valid: no streams; add some under `streams:`, or run with --source demo\n"
