"""Streams of run time and the ingest hosts that share them, on every server."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from api.scrape import stream_registry
from ingest.wanted import all_streams
from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.declared import add_stream, change_stream, declared_streams
from moodline.errors import ConfigError, StreamChangedError, StreamConflictError, StreamEndedError
from moodline.hosts import IngestHost, announce, forget_dead, ingest_hosts, readers, withdraw
from moodline.keys import INGESTS_KEY, ingest_key
from moodline.known import known_streams
from moodline.purge import remove_stream
from moodline.settings import ApiSettings
from moodline.streams import Once, StreamStatus, stream_view
from tests.support.brokers import client_of, frame_of, live_stream
from tests.support.queues import LEASE
from tests.support.wait import wait_until

API = ApiSettings()
MINUTE = timedelta(minutes=1)
ENDED = StreamStatus("ended", "Read to its end.", "film.mp4", "recorded")


def acquire(broker: Broker, stream: str, *, owner: str = "h", once: Once | None = None) -> Reader:
    declared = declared_streams(broker).get(stream)
    return Reader.acquire(
        broker,
        live_stream(stream),
        owner=owner,
        lease=LEASE,
        recorded=once is not None,
        run="film" if once else None,
        declared=declared.text if declared else None,
        once=once,
    )


def test_streams_of_all_partitions_are_kept_and_found(any_broker: Broker) -> None:
    names = [f"camera-{number}" for number in range(8)]
    for name in reversed(names):
        assert add_stream(any_broker, API, {"id": name, "url": "demo"}) == name
    assert list(declared_streams(any_broker)) == names
    assert [view.id for view in known_streams(any_broker)] == names
    for name in names[:4]:
        acquire(any_broker, name, owner=f"host-of-{name}/1")
    assert readers(any_broker, [*names, "attic"]) == {name: f"host-of-{name}/1" for name in names[:4]}
    for name in names:
        remove_stream(any_broker, name, undeclare=True)
    assert known_streams(any_broker) == []


def test_of_those_who_add_one_stream_at_once_one_succeeds(any_broker: Broker) -> None:
    def add(number: int) -> bool:
        try:
            add_stream(any_broker, API, {"id": "door", "url": "demo", "labels": {"by": str(number)}})
        except StreamConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(8))) == 1


def test_changes_at_once_all_count(any_broker: Broker) -> None:
    add_stream(any_broker, API, {"id": "door", "url": "demo"})
    changes = [{"fps": 3}, {"min_face": 30}, {"labels": {"floor": "1"}}]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda change: change_stream(any_broker, API, "door", change), changes))
    assert declared_streams(any_broker)["door"].values == {
        "id": "door",
        "url": "demo",
        "fps": 3,
        "min_face": 30,
        "labels": {"floor": "1"},
    }


def test_a_reader_needs_the_stream_as_it_is_declared_now(any_broker: Broker) -> None:
    add_stream(any_broker, API, {"id": "door", "url": "demo"})
    before = declared_streams(any_broker)["door"].text
    reader = acquire(any_broker, "door")
    change_stream(any_broker, API, "door", {"fps": 2})
    reader.enqueue(frame_of(0), age_ms=0)  # whoever reads it already goes on until its host has heard of it
    for late in (before, "{}"):
        with pytest.raises(StreamChangedError):
            Reader.acquire(any_broker, live_stream("door"), owner="h", lease=LEASE, recorded=False, declared=late)
    acquire(any_broker, "door")


def test_a_recording_is_over_for_those_who_were_there_and_not_for_who_comes_later(any_broker: Broker) -> None:
    seconds, _ = client_of(any_broker).time()
    early, late = Once("film/1", seconds * 1000), Once("film/1", seconds * 1000 + 60_000)
    acquire(any_broker, "film", owner="a", once=early).release(ENDED)
    with pytest.raises(StreamEndedError):
        acquire(any_broker, "film", owner="b", once=early)
    view = stream_view(any_broker, "film")
    assert view is not None
    assert view.status == ENDED
    acquire(any_broker, "film", owner="b", once=Once("another film/2", early.began_ms)).release(ENDED)
    acquire(any_broker, "film", owner="b", once=late)


def test_hosts_know_of_each_other_until_they_die(any_broker: Broker) -> None:
    first = IngestHost(
        "a/1", frozenset({"door"}), frozenset({"film/1"}), {"door": True, "attic": False}, {"x": "No."}, "f.yaml", 7.5
    )
    announce(any_broker, first, MINUTE)
    announce(any_broker, IngestHost("b/2"), MINUTE)
    announce(any_broker, IngestHost("dead/3"), timedelta(milliseconds=1))
    wait_until(lambda: len(ingest_hosts(any_broker)) == 2, description="one is dead")
    assert ingest_hosts(any_broker)["a/1"] == first
    assert client_of(any_broker).scard("moodline:ingests") == 3
    forget_dead(any_broker, {"a/1"})
    assert client_of(any_broker).scard("moodline:ingests") == 2, "b lives, though nobody had heard of it"
    withdraw(any_broker, "a/1")
    assert list(ingest_hosts(any_broker)) == ["b/2"]


BROKEN = [
    b"",
    b"{",
    b"[]",
    b"7",
    b"null",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"settings": null, "added_at": "now"}',
    b'{"settings": {"id": "bad", "url": "demo"}}',
    b'{"settings": {"id": "bad"}, "added_at": "now"}',
    b'{"settings": {"id": "other", "url": "demo"}, "added_at": "now"}',
    b'{"settings": {"id": "bad", "url": ["demo"]}, "added_at": "now"}',
    b'{"settings": {"id": "bad", "url": "/\\ud800"}, "added_at": "now"}',
    b'{"settings": {"id": "bad", "url": "demo", "labels": [1]}, "added_at": "now"}',
]
ODD = [
    b'{"settings": {"id": "bad", "url": "ftp://h"}, "added_at": "now"}',
    b'{"settings": {"id": "bad", "url": "demo", "fps": {"a": []}}, "added_at": "now"}',
    b'{"settings": {"id": "bad", "url": "/\\u0000"}, "added_at": "now"}',
]


@pytest.mark.parametrize("text", BROKEN + ODD)
def test_what_is_no_stream_is_refused_with_a_sentence_and_stops_no_other(broker: Broker, text: bytes) -> None:
    add_stream(broker, API, {"id": "door", "url": "demo"})
    client_of(broker).hset(broker.keys_of("bad").of_partition("declared"), "bad", text)
    found = all_streams([], declared_streams(broker), API.stream_sources, file="f.yaml")
    assert list(found.wanted) == ["door"]
    assert found.refused["bad"]
    views = {view.id: view.status for view in known_streams(broker)}
    assert set(views) == {"bad", "door"}
    if text in BROKEN:
        assert (views["bad"].state, views["bad"].sentence) == ("connecting", found.refused["bad"])  # type: ignore[union-attr]
        with pytest.raises(ConfigError, match="remove it"):
            change_stream(broker, API, "bad", {"fps": 2})
    remove_stream(broker, "bad", undeclare=True)
    assert list(declared_streams(broker)) == ["door"]


def test_of_a_newer_host_counts_what_is_known_and_a_bad_one_is_passed_over(broker: Broker) -> None:
    announce(broker, IngestHost("a/1", frozenset({"door"})), MINUTE)
    told = {
        "new/2": b'{"wants": ["attic"], "done": [], "gpus": 2}',
        "bad/3": b"{",
        "bad/4": b"[]",
        "bad/5": b'{"wants": 1}',
        "bad/6": b'{"up_s": "long"}',
        "bad/7": b'{"declares": ["door"]}',
    }
    for owner, text in told.items():
        client_of(broker).set(ingest_key(owner), text)
        client_of(broker).sadd(INGESTS_KEY, owner)
    assert ingest_hosts(broker) == {
        "a/1": IngestHost("a/1", frozenset({"door"})),
        "new/2": IngestHost("new/2", frozenset({"attic"})),
    }


def test_a_stream_whose_host_is_gone_is_not_live(broker: Broker) -> None:
    def state() -> tuple[str, str]:
        (view,) = known_streams(broker)
        assert view.status is not None
        metrics = stream_registry(broker)
        for name, value in (("moodline_stream_up", view.status.state == "live"),):
            assert metrics.get_sample_value(name, {"stream": "door"}) == value
        return view.status.state, view.status.sentence

    reader = acquire(broker, "door", owner="dead/1")
    live = StreamStatus("live", "Reading rtsp://cam.", "rtsp://cam", "live")
    reader.report(live)
    assert state()[0] == "live"
    reader.release(live)
    assert state() == ("stalled", "No ingest host reads it.")
    reader = acquire(broker, "door", owner="b/2")
    reader.release(replace(live, state="connecting", sentence="Trying again."))
    assert state()[0] == "stalled"
    announce(broker, IngestHost("b/2", frozenset({"door"})), MINUTE)
    assert state() == ("connecting", "Trying again.")
