"""Ingest as a process: recordings to their end, restarts, stops, and what a wrong start says."""

import os
import signal
import socket
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.ingest.service import Ingest, accepted, drain, queued, status, view, wait_for_state
from tests.support.brokers import broker_on
from tests.support.needs import shared
from tests.support.wait import wait_until

RUN_TO_END = ("--exit-when-ended",)


def recording(clip: Path, **settings: Any) -> dict[str, Any]:
    return {"id": "film", "url": str(clip), "detect_width": 320, "max_crops": 2000, **settings}


@pytest.fixture
def run(broker: Broker, embedded_server: EmbeddedServer, tmp_path: Path, yunet_model: Path) -> Any:
    """Start ingest on this test's Redis, which is empty."""
    del broker

    def start(*streams: dict[str, Any], arguments: tuple[str, ...] = (), **ingest: Any) -> Ingest:
        return Ingest(
            tmp_path,
            redis_url=embedded_server.url,
            streams=list(streams),
            model=yunet_model,
            arguments=arguments,
            ingest=ingest,
        )

    return start


def test_recordings_are_read_to_their_end_and_a_bad_one_stops_no_other(
    run: Any, broker: Broker, tmp_path: Path
) -> None:
    smile = shared("data/media/fer_test.mp4")
    empty = {"id": "empty", "url": str(shared("data/media/no_face"))}
    bad = {"id": "bad", "url": str(tmp_path / "gone.mp4")}
    with run(recording(smile), empty, bad, arguments=RUN_TO_END) as ingest:
        assert ingest.wait() == 1
        assert f"There is no video file {tmp_path}/gone.mp4" in ingest.log()
    assert wait_for_state(broker, "bad", "not_found").sentence.startswith("There is no video file")
    nobody = wait_for_state(broker, "empty", "ended")
    assert (nobody.frames, nobody.faces, accepted(broker, "empty")) == (3, 0, 0)
    found = view(broker, "film")
    assert found is not None
    assert found.status is not None
    assert (found.status.state, found.status.sentence) == ("ended", f"{smile} was read to its end.")
    assert (found.status.width, found.status.height) == (596, 336)
    assert found.status.frames == found.status.faces == 115
    crops = queued(broker, "film")
    assert [frame for frame, _, _ in crops] == list(range(115))
    assert len({track for _, _, track in crops}) == 1
    assert found.ledger.accepted == 115


def test_a_killed_reader_goes_on_where_it_was(run: Any, broker: Broker, clip: Path) -> None:
    with run(recording(clip), arguments=RUN_TO_END) as ingest:
        wait_until(lambda: accepted(broker, "film") > 100, description="some crops", timeout=20)
        os.kill(ingest.capture_pid("film"), signal.SIGKILL)
        assert ingest.wait() == 0
        assert "The process of stream film ended with signal 9" in ingest.log()
    crops = queued(broker, "film")
    assert len({crop for _, crop, _ in crops}) == len(crops) == accepted(broker, "film") > 500
    assert len({frame for frame, _, _ in crops}) > 260, "no part of the film is missing"
    for track in {track for _, _, track in crops}:
        frames = [frame for frame, _, of in crops if of == track]
        assert frames[-1] - frames[0] < 130, "no track number was given twice"


def test_a_full_queue_is_waited_for(run: Any, broker: Broker) -> None:
    walk = shared("data/media/intel_face-demographics-walking-and-pause.gif")
    with run(recording(walk, max_crops=32), arguments=RUN_TO_END) as ingest:
        wait_until(lambda: accepted(broker, "film") >= 30, description="the queue is full", timeout=20)
        # The state is reported every second, also while it waits.
        before = status(broker, "film")
        wait_until(lambda: status(broker, "film") != before, description="it reports", timeout=5)
        assert accepted(broker, "film") <= 32
        wait_until(
            lambda: drain(broker, "film") >= 0 and ingest.process.poll() is not None,
            description="the film has ended",
            timeout=40,
        )
        assert ingest.process.returncode == 0
    assert accepted(broker, "film") == 123


def test_the_demo_camera_is_live_and_stops_in_order(run: Any, broker: Broker) -> None:
    with run({"id": "demo", "url": "demo", "fps": 10}) as ingest:
        wait_until(lambda: accepted(broker, "demo") >= 10, description="ten faces", timeout=20)
        live = wait_for_state(broker, "demo", "live")
        assert live.kind == "live"
        wait_until(
            lambda: ingest.metrics().get('moodline_crops_total{stream="demo"}', 0) >= 10,
            description="the metrics have counted them",
        )
        metrics = ingest.metrics()
        assert metrics['moodline_frames_total{stream="demo"}'] >= 10
        assert metrics['moodline_skipped_total{reason="budget",stream="demo"}'] == 0
        child = ingest.capture_pid("demo")
        assert ingest.stop() == 0
    assert wait_for_state(broker, "demo", "stopped").sentence == "Ingest stopped reading demo."
    assert not Path(f"/proc/{child}").exists()


def test_capture_processes_end_with_a_killed_supervisor(run: Any, broker: Broker) -> None:
    with run({"id": "demo", "url": "demo"}) as ingest:
        wait_until(lambda: accepted(broker, "demo") > 0, description="a face", timeout=20)
        child = Path(f"/proc/{ingest.capture_pid('demo')}")
        assert child.exists()
        ingest.process.kill()
        ingest.process.wait()
        wait_until(lambda: not child.exists(), description="the capture process has ended")


def test_redis_may_come_later(tmp_path: Path, yunet_model: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = EmbeddedServer(directory=folder).start()
    server.stop()
    demo = [{"id": "demo", "url": "demo"}]
    with Ingest(tmp_path, redis_url=server.url, streams=demo, model=yunet_model) as ingest:
        wait_until(lambda: "cannot be reached" in ingest.log(), description="a sentence", timeout=20)
        server.start()
        try:
            broker = broker_on(server)
            wait_until(lambda: accepted(broker, "demo") > 0, description="a face", timeout=20)
            broker.close()
            assert ingest.stop() == 0
        finally:
            server.stop()
        assert "Traceback" not in ingest.log()


def test_a_wrong_start_ends_with_a_sentence_and_its_exit_code(run: Any) -> None:
    demo = {"id": "demo", "url": "demo"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for code, sentence, start in (
            (2, "There is no stream to read", partial(run, arguments=RUN_TO_END)),
            (2, "ingest.detector_model is /gone.onnx", partial(run, demo, detector_model="/gone.onnx")),
            (2, "streams[0].fps", partial(run, {**demo, "fps": -1})),
            (1, "cannot be served on 127.0.0.1:", partial(run, demo, metrics_port=taken.getsockname()[1])),
        ):
            with start() as ingest:
                assert ingest.wait() == code
                assert sentence in ingest.log()
                assert "Traceback" not in ingest.log()
            ingest.log_file.unlink()
