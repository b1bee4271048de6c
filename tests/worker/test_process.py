"""The worker as a process: killed, stopped, fed with rubbish. Nothing is lost, nothing comes twice."""

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.embedded import EmbeddedServer
from moodline.sealing import new_key
from moodline.streams import stream_view
from tests.support.brokers import client_of, emptied, frame_of, live_stream
from tests.support.judging import all_events, emotion_ids
from tests.support.wait import wait_until
from tests.support.workers import WorkerProcess, start_worker

KEY = new_key()
FRAMES, FACES = 60, 5

Start = Callable[..., WorkerProcess]


@pytest.fixture
def any_broker(any_server: EmbeddedServer) -> Iterator[Broker]:
    with emptied(any_server, seal_key=KEY) as fresh:
        yield fresh


@pytest.fixture
def start(any_server: EmbeddedServer) -> Iterator[Start]:
    started: list[WorkerProcess] = []

    def start_one(**settings: str) -> WorkerProcess:
        started.append(start_worker(any_server, KEY, **{"batch_size": "8", "hand_lease": "1s", **settings}))
        return started[-1]

    yield start_one
    for worker in started:
        worker.end()


def recording(broker: Broker, **settings: Any) -> Reader:
    stream = live_stream(max_crops=100_000, max_bytes="1GiB", **settings)
    return Reader.acquire(broker, stream, owner="host", lease=timedelta(minutes=5), recorded=True, run="clip")


def fill(reader: Reader) -> list[str]:
    """Put the frames of a recording into the queue and return the ids that its events must have."""
    for number in range(FRAMES):
        assert reader.enqueue(frame_of(number, faces=FACES), age_ms=0).status == "accepted"
    return [reader.crop_id(frame, face) for frame in range(FRAMES) for face in range(FACES)]


def done(broker: Broker) -> bool:
    view = stream_view(broker, "lobby")
    assert view is not None
    assert view.ledger.balanced, view.ledger
    return view.ledger.queued == 0


def test_a_killed_worker_costs_no_event_and_doubles_none(any_broker: Broker, start: Start) -> None:
    expected = fill(recording(any_broker))
    first = start()
    wait_until(lambda: len(emotion_ids(any_broker)) > 20, description="events flow", timeout=90)
    second = start()
    first.signal(signal.SIGKILL)
    first.wait()
    wait_until(lambda: done(any_broker), description="the other worker finishes the recording", timeout=90)
    assert emotion_ids(any_broker) == expected, "none lost, none twice, in the order of the stream"
    assert second.process.poll() is None


def test_a_stopped_worker_that_goes_on_commits_nothing_that_another_has_done(any_broker: Broker, start: Start) -> None:
    expected = fill(recording(any_broker))
    frozen = start()
    wait_until(lambda: len(emotion_ids(any_broker)) > 20, description="events flow", timeout=90)
    frozen.signal(signal.SIGSTOP)
    start()
    wait_until(lambda: len(emotion_ids(any_broker)) > 100, description="the other takes over", timeout=90)
    frozen.signal(signal.SIGCONT)
    wait_until(lambda: done(any_broker), description="both finish the recording", timeout=90)
    assert emotion_ids(any_broker) == expected, "none lost, none twice, in the order of the stream"


def test_sigterm_finishes_the_batch_in_work_and_gives_the_hands_back(any_broker: Broker, start: Start) -> None:
    fill(recording(any_broker))
    worker = start()
    wait_until(lambda: len(emotion_ids(any_broker)) > 20, description="events flow", timeout=90)
    worker.signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    assert not client_of(any_broker).keys("*hand:*"), "no stream stays in a stopped worker's hand"
    view = stream_view(any_broker, "lobby")
    assert view is not None
    assert view.ledger.balanced


def test_rubbish_goes_to_the_dead_letters_and_the_worker_lives_on(any_broker: Broker, start: Start) -> None:
    import msgpack

    worker = start()
    reader = recording(any_broker)
    reader.enqueue(frame_of(0, pixels=b"\x00" * 100), age_ms=0)
    queue = any_broker.keys_of("lobby").of_stream("queue", "lobby")
    client_of(any_broker).xadd(queue, {"id": "x/1", "meta": b"\xc1 not MessagePack", "image": b""})
    client_of(any_broker).xadd(queue, {"id": "x/2", "track": "t", "meta": msgpack.packb({"v": 99}), "image": b"1"})
    reader.enqueue(frame_of(1), age_ms=0)
    wait_until(lambda: reader.crop_id(1, 0) in emotion_ids(any_broker), description="a good crop's event", timeout=90)
    dead = client_of(any_broker).xrange(any_broker.keys_of("lobby").of_partition("dead"))
    details = [entry[b"detail"].decode() for _, entry in dead]
    assert ["100 bytes" in details[0], "MessagePack" in details[1], "schema 99" in details[2]] == [True] * 3
    assert all(entry[b"reason"] == b"poison" and b"image" not in entry for _, entry in dead)
    wait_until(lambda: worker.metric("moodline_dead_letters_total") == 3, description="the counter is up")
    assert done(any_broker)
    assert worker.process.poll() is None


def test_a_crop_that_was_sealed_with_another_key_is_dropped_as_unreadable(any_broker: Broker, start: Start) -> None:
    start()
    stranger = broker_on_same_server(any_broker)
    recording(stranger).enqueue(frame_of(0), age_ms=0)
    wait_until(lambda: done(any_broker), description="the crop is ended", timeout=90)
    view = stream_view(any_broker, "lobby")
    assert view is not None
    assert view.ledger.dropped["unreadable"] == 1
    assert not all_events(any_broker)


def broker_on_same_server(broker: Broker) -> Broker:
    from pydantic import SecretStr

    from moodline.broker import connect

    return connect(broker.settings.model_copy(update={"seal_key": SecretStr(new_key())}))
