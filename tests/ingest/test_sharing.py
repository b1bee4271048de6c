"""Several ingest hosts on one configuration: processes that are killed, frozen and come back."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.hosts import ingest_hosts, readers
from moodline.sealing import new_key
from moodline.settings import IngestSettings
from moodline.streams import list_streams
from tests.ingest.service import Ingest, accepted, status, wait_for_state
from tests.support.brokers import client_of
from tests.support.chaos import Subscriber, drained
from tests.support.needs import shared
from tests.support.wait import on_an_idle_machine, wait_until
from tests.support.workers import start_worker

LEASE_S = 3.0
MOVED_S = 10.0 - IngestSettings().reader_lease.total_seconds()
"""What is left of the ten seconds that a dead host's streams take to move, once its leases have run out."""
CAMERAS = ("cam-1", "cam-2", "cam-3")
STREAMS = (*CAMERAS, "film")

Start = Callable[..., Ingest]


@pytest.fixture
def key() -> str:
    return new_key()


@pytest.fixture
def worker(embedded_server: EmbeddedServer, key: str) -> Iterator[None]:
    """A worker that judges every face, without a model."""
    started = start_worker(embedded_server, key, module="tests.support.null_worker")
    yield
    started.end()


@pytest.fixture
def host(
    broker: Broker, embedded_server: EmbeddedServer, tmp_path: Path, yunet_model: Path, key: str
) -> Iterator[Start]:
    """Start an ingest host by its name; those that still run at the end are killed."""
    del broker
    started: list[Ingest] = []

    def start(name: str, streams: list[dict[str, Any]]) -> Ingest:
        folder = tmp_path / f"{name}-{len(started)}"
        folder.mkdir()
        settings = {"host": name, "reader_lease": f"{LEASE_S}s"}
        env = {"MOODLINE_SEAL_KEY": key}
        url = embedded_server.url
        started.append(Ingest(folder, redis_url=url, streams=streams, model=yunet_model, ingest=settings, env=env))
        return started[-1]

    yield start
    for ingest in started:
        if ingest.process.poll() is None:
            os.killpg(ingest.process.pid, signal.SIGKILL)
            ingest.process.wait()


def all_streams(clip: Path) -> list[dict[str, Any]]:
    cameras = [{"id": name, "url": "demo", "fps": 4, "detect_width": 320} for name in CAMERAS]
    film = {"id": "film", "url": str(clip), "realtime": True, "loop": True, "fps": 3, "detect_width": 320}
    return [*cameras, film]


def loads(broker: Broker) -> dict[str, int]:
    """Return how many streams each host reads, by the names that the hosts were given."""
    return dict(Counter(owner.split("/")[0] for owner in readers(broker, STREAMS).values()))


def all_move_on(broker: Broker) -> Callable[[], bool]:
    """Return whether since now every stream has had a crop accepted."""
    before = {stream: accepted(broker, stream) for stream in STREAMS}
    return lambda: all(accepted(broker, stream) > before[stream] for stream in STREAMS)


def test_two_hosts_share_the_streams_and_one_that_is_killed_or_frozen_is_replaced(
    host: Start, broker: Broker, clip: Path, worker: None
) -> None:
    del worker
    streams = all_streams(clip)
    with Subscriber(broker) as subscriber:
        first, second = host("a", streams), host("b", streams)
        wait_until(lambda: loads(broker) == {"a": 2, "b": 2}, description="both read two", timeout=40)
        wait_until(all_move_on(broker), description="all are read", timeout=30)

        os.killpg(first.process.pid, signal.SIGKILL)
        first.process.wait()
        left = leases_of(broker, "a")
        wait_until(lambda: loads(broker) == {"b": 4}, description="b reads all", timeout=60)
        check_that_they_moved_in_time(broker, left)
        wait_until(all_move_on(broker), description="all are read again", timeout=20)

        third = host("a", streams)
        wait_until(lambda: loads(broker) == {"a": 2, "b": 2}, description="a has its share again", timeout=40)
        wait_until(all_move_on(broker), description="all are read after the move", timeout=20)

        os.killpg(second.process.pid, signal.SIGSTOP)
        left = leases_of(broker, "b")
        wait_until(lambda: loads(broker) == {"a": 4}, description="a reads all", timeout=60)
        check_that_they_moved_in_time(broker, left)
        wait_until(all_move_on(broker), description="all are read by a", timeout=20)
        os.killpg(second.process.pid, signal.SIGCONT)
        wait_until(lambda: "has passed to another reader" in second.log(), description="b is refused", timeout=20)
        wait_until(lambda: loads(broker) == {"a": 2, "b": 2}, description="b has its share again", timeout=40)
        wait_until(all_move_on(broker), description="all are read at the end", timeout=20)

        assert third.stop() == second.stop() == 0
        wait_until(lambda: drained(broker), description="all is worked off", timeout=30)
        wait_until(lambda: not any(view.open_tracks for view in list_streams(broker)), description="all faces left")
        events = sum(view.ledger.events for view in list_streams(broker))
        wait_until(lambda: len(subscriber.emotion_ids()) >= events, description="all events are seen")
    assert ingest_hosts(broker) == {}
    check_that_no_two_read_one_stream(subscriber)
    check_that_who_came_has_left(subscriber)


def leases_of(broker: Broker, host: str) -> dict[str, float]:
    """Return when the leases of a host that is gone run out, in seconds of the server's clock."""
    found = {}
    for stream in STREAMS:
        owner, deadline = client_of(broker).hmget(reader_key(broker, stream), "owner", "deadline")
        if owner.decode().startswith(f"{host}/"):
            found[stream] = int(deadline) / 1e3
    assert len(found) == 2
    seconds, _ = client_of(broker).time()
    assert max(found.values()) <= seconds + 1 + LEASE_S, "nobody keeps a stream for longer than its lease"
    return found


def check_that_they_moved_in_time(broker: Broker, left: dict[str, float]) -> None:
    """Compare the ends of the old leases with the new ones' tokens: the server's time when they were taken."""
    for stream, ended_s in left.items():
        taken_s = int(client_of(broker).hget(reader_key(broker, stream), "token")) / 1e6
        assert 0 <= taken_s - ended_s < on_an_idle_machine(MOVED_S), stream


def reader_key(broker: Broker, stream: str) -> str:
    return broker.keys_of(stream).of_stream("reader", stream)


def check_that_no_two_read_one_stream(subscriber: Subscriber) -> None:
    for camera in CAMERAS:
        tokens = [crop.split("/")[1] for crop in subscriber.emotion_ids(camera)]
        turns = [int(token, 36) for token, _ in groupby(tokens)]
        assert turns == sorted(set(turns)), f"{camera}: one reader after the other, none again"
        assert 2 <= len(turns) <= 6
    film = subscriber.emotion_ids("film")
    assert len(set(film)) == len(film)
    frames = [int(crop.rsplit("/", 1)[1].split("-")[0]) for crop in film]
    assert frames == sorted(frames), "the film goes on where it was"


def check_that_who_came_has_left(subscriber: Subscriber) -> None:
    faces: dict[str, list[str]] = {"face_entered": [], "face_left": []}
    for event in subscriber.events:
        if event.kind in faces:
            faces[event.kind].append(f"{event.stream}/{event.track}")
    assert faces["face_entered"]
    assert sorted(faces["face_entered"]) == sorted(faces["face_left"])


def test_an_orderly_stop_hands_over_at_once(host: Start, broker: Broker) -> None:
    demo = [{"id": "demo", "url": "demo", "detect_width": 320}]
    first = host("a", demo)
    wait_until(lambda: accepted(broker, "demo") > 0, description="a face", timeout=20)
    second = host("b", demo)
    wait_until(lambda: len(ingest_hosts(broker)) == 2, description="both are there", timeout=20)
    assert second.capture_pid("demo") == 0, "it waits without a process"
    assert first.stop() == 0
    wait_for_state(broker, "demo", "live")
    assert readers(broker, ["demo"])["demo"].startswith("b/")
    assert second.stop() == 0


def test_a_recording_that_one_has_read_to_its_end_is_not_read_again_by_the_other(host: Start, broker: Broker) -> None:
    stills = [{"id": "stills", "url": str(shared("data/media/no_face"))}]
    host("a", stills)
    host("b", stills)
    wait_for_state(broker, "stills", "ended")
    before = status(broker, "stills")
    wait_until(
        lambda: all(len(found.done) == 1 and not found.wants for found in ingest_hosts(broker).values()),
        description="both know that it is done",
    )
    assert len(ingest_hosts(broker)) == 2
    assert status(broker, "stills") == before
