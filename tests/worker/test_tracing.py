"""Traces: one for a face from the frame to its event, sent to a real OTLP receiver; and nothing where they are off."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgpack
import pytest
from pydantic import ValidationError

from ingest.trace import traced
from moodline.broker import Broker
from moodline.crop import FrameCrops, QueuedCrop, decode_crop, encode_crop
from moodline.crop_queue import Reader
from moodline.embedded import EmbeddedServer
from moodline.errors import ConfigError
from moodline.event import read_events
from moodline.lifecycle import STOP_WITHIN_S
from moodline.metrics import Metrics
from moodline.settings import TracingSettings
from moodline.tracing import Tracing, make_tracing
from tests.ingest.service import Ingest
from tests.support.brokers import frame_of, live_stream
from tests.support.judging import take_one, work_queue
from tests.support.needs import shared
from tests.support.otlp import OtlpReceiver, ReceivedSpan
from tests.support.wait import wait_until
from tests.worker.test_pipeline import Running, ToldEngine, start_pipeline
from worker.batch import Batch, Item
from worker.hands import Hands
from worker.trace import WorkTraces

WAY = ["ingest.frame", "ingest.detect", "ingest.crop", "ingest.enqueue", "queue", "worker.infer", "worker.commit"]


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as found:
        yield found


def tracing_to(endpoint: str, service: str, sample: float = 1.0) -> Tracing:
    found = make_tracing(TracingSettings(endpoint=endpoint, sample=sample), service)
    assert found is not None
    return found


@pytest.fixture
def worker(broker: Broker, receiver: OtlpReceiver) -> Iterator[Running]:
    engine = ToldEngine()
    engine.gate.set()
    tracing = tracing_to(receiver.endpoint, "worker")
    running = start_pipeline(broker, engine, tracing=tracing)
    yield running
    running.end()
    tracing.close()


def whole_traces(receiver: OtlpReceiver) -> list[list[ReceivedSpan]]:
    return [spans for spans in receiver.traces().values() if {span.name for span in spans} >= set(WAY)]


@pytest.mark.usefixtures("worker")
def test_one_trace_shows_the_way_from_the_frame_to_the_event(
    broker: Broker, embedded_server: EmbeddedServer, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    assert broker.settings.seal_key is not None
    environment = {
        "MOODLINE_SEAL_KEY": broker.settings.seal_key.get_secret_value(),
        "MOODLINE_TRACING__ENDPOINT": receiver.endpoint,
        "MOODLINE_TRACING__SAMPLE": "1",
    }
    model = shared("models/face_detection_yunet_2023mar.onnx")
    demo = [{"id": "demo", "url": "demo"}]
    with Ingest(tmp_path, redis_url=embedded_server.url, streams=demo, model=model, env=environment):
        spans = wait_until(lambda: whole_traces(receiver), description="a whole trace", timeout=30)[0]

    assert sorted(span.name for span in spans) == sorted(WAY)
    by_name = {span.name: span for span in spans}
    crop = by_name["worker.commit"].attributes["moodline.crop"]
    assert by_name["ingest.enqueue"].attributes["moodline.crops"] == [crop]
    assert crop in {event.id for _, event in read_events(broker, count=1000)[0]}
    assert {span.service for span in spans} == {"moodline-ingest", "moodline-worker"}
    assert {span.attributes["moodline.stream"] for span in spans} == {"demo"}
    # Each begins where the one before it ended: both processes have this machine's clock.
    for before, after in (
        ("ingest.detect", "ingest.crop"),
        ("queue", "worker.infer"),
        ("worker.infer", "worker.commit"),
    ):
        assert by_name[before].began_ns <= by_name[after].began_ns
    assert by_name["ingest.frame"].parent == ""
    assert {by_name[name].parent for name in WAY[1:4]} == {by_name["ingest.frame"].id}
    assert {by_name[name].parent for name in WAY[4:]} == {by_name["ingest.enqueue"].id}


def staged(frame: FrameCrops) -> FrameCrops:
    return replace(frame, stages={"detect": 4.0, "crop": 5.0})


def test_a_face_that_ends_without_an_event_has_a_trace_too(broker: Broker, receiver: OtlpReceiver) -> None:
    reader = Reader.acquire(broker, live_stream(), owner="h", lease=timedelta(seconds=60), recorded=False)
    tracing = tracing_to(receiver.endpoint, "worker")
    captured_s = time.monotonic() - 0.05
    with traced(tracing, staged(frame_of(1)), stream="lobby", ids=["x"], captured_s=captured_s) as frame:
        reader.enqueue(frame, age_ms=0)
    batch = Batch(Hands(work_queue(broker), Metrics()))
    taken = take_one(work_queue(broker))
    assert taken is not None
    crop = decode_crop(taken.entries[0].meta, taken.entries[0].image, sealer=broker.sealer())
    WorkTraces(tracing).dropped(batch, [Item(taken.hand, taken.entries[0], crop, None)], "stale")
    tracing.close()

    ((*_, dropped),) = receiver.traces().values()
    assert dropped.name == "worker.drop"
    assert dropped.attributes["moodline.reason"] == "stale"
    assert dropped.attributes["moodline.crop"] == crop.id


def meta_of(frame: FrameCrops, broker: Broker) -> dict[str, object]:
    meta, _ = encode_crop(frame.crops[0], frame, crop_id="lobby/r/1-0", sealer=broker.sealer())
    found: dict[str, object] = msgpack.unpackb(meta)
    return found


def decoded(meta: dict[str, object], broker: Broker) -> QueuedCrop:
    image = broker.sealer().seal(frame_of(1).crops[0].pixels, "lobby/r/1-0")
    return decode_crop(msgpack.packb(meta), image, sealer=broker.sealer())


def test_where_traces_are_off_a_crop_carries_nothing(broker: Broker) -> None:
    assert make_tracing(TracingSettings(), "ingest") is None
    with traced(None, frame_of(1), stream="lobby", ids=[], captured_s=0.0) as frame:
        assert "trace" not in meta_of(frame, broker)
    assert decoded(meta_of(frame_of(1), broker), broker).trace is None


@pytest.mark.parametrize("rubbish", ["", "00-0-0-01", 7, None, ["00"], "00-" + "g" * 32 + "-" + "0" * 16 + "-01"])
def test_a_crop_is_not_lost_to_a_wrong_trace(broker: Broker, rubbish: object) -> None:
    assert decoded({**meta_of(frame_of(1), broker), "trace": rubbish}, broker).trace is None


def test_only_a_share_of_the_frames_is_traced(receiver: OtlpReceiver) -> None:
    tracing = tracing_to(receiver.endpoint, "ingest", sample=1e-12)
    with traced(tracing, staged(frame_of(1)), stream="lobby", ids=["x"], captured_s=0.0) as frame:
        assert frame.trace is None
    tracing.close()

    assert receiver.spans == []


def test_a_collector_that_is_away_holds_nobody_up() -> None:
    tracing = tracing_to("http://127.0.0.1:1", "worker")
    tracing.start("ingest.frame", 1, attributes={}).end(2)
    began = time.monotonic()
    tracing.close()

    assert time.monotonic() - began < STOP_WITHIN_S


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moodline.tracing.find_spec", lambda _name: None)

    with pytest.raises(ConfigError, match="install moodline with its extra `tracing`"):
        make_tracing(TracingSettings(endpoint="http://collector:4318"), "worker")


def test_a_wrong_address_is_named() -> None:
    with pytest.raises(ValidationError, match="such as http://collector:4318"):
        TracingSettings(endpoint="collector:4317")
