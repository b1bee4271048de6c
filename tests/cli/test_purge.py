"""moodline purge: what is deleted is gone, what is not asked for stays, and the books still balance."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.declared import add_stream, declared_streams
from moodline.embedded import EmbeddedServer
from moodline.event import read_events
from moodline.purge import purge
from moodline.settings import ApiSettings
from moodline.streams import stream_ids
from tests.cli.running import moodline
from tests.support.brokers import broker_on, frame_of, live_stream, url_of
from tests.support.judging import commit_all, take_one, work_queue

LONG_AGO = 1_763_800_000_000  # what tests.support.brokers.frame_of begins with


@pytest.fixture
def filled(broker: Broker) -> Broker:
    """Streams lobby and lobby-2, each with two crops that became events, a dead letter, and a crop that waits."""
    readers = {}
    for stream in ("lobby", "lobby-2"):
        settings = live_stream(stream)
        readers[stream] = Reader.acquire(broker, settings, owner="test", lease=timedelta(seconds=60), recorded=False)
        queue = work_queue(broker, stream=stream)
        for frame in (1, 2, 3):
            readers[stream].enqueue(frame_of(frame), age_ms=0)
            taken = take_one(queue)
            assert taken is not None
            if frame < 3:
                commit_all(broker, queue, taken)
            else:
                queue.drop(taken.hand, [(taken.entries[0], "poison", "test")], release=True)
    for stream, reader in readers.items():
        reader.enqueue(frame_of(4), age_ms=0)
        broker.client.delete(broker.keys_of(stream).of_stream("reader", stream))  # nobody reads it any more
    return broker


def keys_with(broker: Broker, stream: str) -> set[str]:
    names = {name.decode() for name in broker.client.scan_iter("*")}
    return {name for name in names if stream in name.split(":")}


def streams_in(broker: Broker, feed: str) -> list[str]:
    if feed == "dead":
        entries = cast("Any", broker.client.xrange(broker.keys_of("lobby").of_partition("dead")))
        return [fields[b"stream"].decode() for _, fields in entries]
    return [event.stream for _, event in read_events(broker, after="", count=500, streams=None, block_ms=None)[0]]


def test_nothing_of_the_stream_is_left_and_nothing_of_another_is_touched(filled: Broker) -> None:
    others = keys_with(filled, "lobby-2")
    done = purge(filled, "lobby", before=None, dry_run=False)

    assert (done.crops, done.dead_letters) == (1, 1)
    assert keys_with(filled, "lobby") == set()
    assert keys_with(filled, "lobby-2") == others
    assert stream_ids(filled) == ["lobby-2"]
    assert set(streams_in(filled, "feed")) == set(streams_in(filled, "dead")) == {"lobby-2"}


def declare(broker: Broker, stream: str) -> None:
    """Add a stream at run time, with a label that says where it is."""
    values = {"id": stream, "url": "demo", "labels": {"room": f"{stream}-room"}}
    add_stream(broker, ApiSettings(stream_sources=("demo",)), values)


def test_no_byte_of_its_name_is_left_in_the_server(filled: Broker) -> None:
    declare(filled, "lobby-2")
    purge(filled, "lobby-2", before=None, dry_run=False)
    dumps = [filled.client.dump(name) or b"" for name in filled.client.scan_iter("*")]

    assert not [dump for dump in dumps if b"lobby-2" in dump]


def test_a_dry_run_counts_and_deletes_nothing(filled: Broker) -> None:
    before = sorted(filled.client.scan_iter("*"))
    told = purge(filled, "lobby", before=None, dry_run=True)

    assert told.crops == 1
    assert told.events == streams_in(filled, "feed").count("lobby") > 0
    assert sorted(filled.client.scan_iter("*")) == before


def test_the_stream_itself_is_gone_where_it_was_added_at_run_time(filled: Broker) -> None:
    for stream in ("lobby", "lobby-2"):
        declare(filled, stream)
    env = {"REDIS_URL": url_of(filled)}
    told = moodline("purge", "--stream", "lobby", "--dry-run", env=env).stdout
    purge(filled, "lobby", before=datetime.now(UTC), dry_run=False)
    assert declared_streams(filled).keys() == {"lobby", "lobby-2"}, "neither a dry run nor a part of it deletes it"

    done = moodline("purge", "--stream", "lobby", "--yes", env=env)

    assert declared_streams(filled).keys() == {"lobby-2"}
    for said in (told, done.stdout):
        assert said.endswith("of stream lobby, and the stream itself, which was added at run time.\n")


@pytest.mark.parametrize(
    "foreign", [{"x": "y"}, {"event": "no JSON"}, {"event": "[1]"}, {"event": '{"stream": "lobby-2"}'}]
)
def test_what_somebody_else_wrote_into_the_feed_stays_and_is_no_hindrance(
    filled: Broker, foreign: dict[str, str]
) -> None:
    feed = filled.keys_of("lobby").of_partition("feed")
    entry = filled.client.xadd(feed, cast("Any", foreign))

    purge(filled, "lobby", before=datetime.now(UTC), dry_run=False)
    purge(filled, "lobby", before=None, dry_run=False)

    assert set(streams_in(filled, "feed")) == {"lobby-2"}
    assert cast("Any", filled.client.xrange(feed, min=cast("str", entry)))


def test_what_is_younger_than_the_time_stays(filled: Broker) -> None:
    second_frame = datetime.fromtimestamp((LONG_AGO + 80) / 1000, UTC)
    count = streams_in(filled, "feed").count("lobby")
    done = purge(filled, "lobby", before=second_frame, dry_run=False)

    assert done.crops == 0
    assert 0 < done.events < count
    assert streams_in(filled, "feed").count("lobby") == count - done.events
    assert "lobby" in stream_ids(filled)


def test_a_stream_that_is_being_read_is_left_alone(filled: Broker) -> None:
    Reader.acquire(filled, live_stream("lobby"), owner="ingest-1", lease=timedelta(seconds=60), recorded=False)
    done = moodline("purge", "--stream", "lobby", "--yes", env={"REDIS_URL": url_of(filled)})

    assert (done.returncode, done.stdout) == (1, "")
    assert "is being read by ingest-1" in done.stderr
    assert purge(filled, "lobby", before=None, dry_run=False, force=True).crops == 1


def test_the_command_asks_first(filled: Broker) -> None:
    done = moodline("purge", "--stream", "lobby", env={"REDIS_URL": url_of(filled)})

    assert done.returncode == 2
    assert "give --yes" in done.stderr
    assert "lobby" in stream_ids(filled)


def test_the_command_says_what_it_deleted(filled: Broker) -> None:
    done = moodline("purge", "--stream", "lobby", "--yes", env={"REDIS_URL": url_of(filled)})

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Deleted 1 queued faces, ")
    assert stream_ids(filled) == ["lobby-2"]


@pytest.mark.parametrize("before", ["yesterday", "2026-13-01"])
def test_a_time_that_is_none_is_refused(before: str) -> None:
    done = moodline("purge", "--stream", "lobby", "--before", before)

    assert done.returncode == 2
    assert "is no time" in done.stderr


def test_a_stream_that_never_was_is_no_error(any_server: EmbeddedServer) -> None:
    broker = broker_on(any_server)
    try:
        assert purge(broker, "nobody", before=None, dry_run=False).events == 0
    finally:
        broker.close()
