"""More than the workers can do: live streams stay fresh, recordings wait, streams take turns."""

from datetime import timedelta
from string import ascii_lowercase
from typing import Any

import pytest

from moodline.broker import Broker
from moodline.crop import CROP_BYTES
from moodline.crop_queue import Reader
from moodline.embedded import EmbeddedServer
from tests.support.brokers import client_of, emptied, frame_of, live_stream
from tests.support.judging import commit_all, take_one, work_queue
from tests.support.queues import LEASE, ledger_of, reader_of
from tests.support.wait import wait_until

MOST_BYTES = 64 * 1024
FRAMES, FACES = 12, 4


def test_a_full_live_queue_drops_its_oldest_and_events_still_flow(any_broker: Broker) -> None:
    reader, queue = reader_of(any_broker, max_crops=4), work_queue(any_broker)
    published = 0
    for number in range(40):
        reader.enqueue(frame_of(number, faces=2), age_ms=0)
        ledger_of(any_broker)
        if number % 5 == 4:  # the worker is far too slow
            taken = take_one(queue, room=2)
            assert taken is not None
            reader.enqueue(frame_of(1000 + number, faces=2), age_ms=0)
            reader.enqueue(frame_of(2000 + number, faces=4), age_ms=0)
            published += commit_all(any_broker, queue, taken)
            reader = reader_of(any_broker, max_crops=4)
    ledger = ledger_of(any_broker)
    assert published == ledger.events == 16, "crops in a worker's hand are never dropped"
    assert ledger.dropped["overflow"] == ledger.accepted - ledger.events - ledger.queued


@pytest.mark.parametrize("where", ["stream", "partition"])
def test_a_live_queue_never_holds_more_bytes_than_it_may(embedded_server: EmbeddedServer, where: str) -> None:
    of_stream: dict[str, Any] = {"max_bytes": MOST_BYTES} if where == "stream" else {}
    of_server: dict[str, Any] = {"partition_max_bytes": MOST_BYTES} if where == "partition" else {}
    with emptied(embedded_server, **of_server) as broker:
        reader = reader_of(broker, **of_stream)
        for number in range(FRAMES):
            reader.enqueue(frame_of(number, faces=FACES), age_ms=0)
            assert bytes_of(broker) <= MOST_BYTES
        ledger = ledger_of(broker)
        assert ledger.queued >= MOST_BYTES // CROP_BYTES * 3 // 4, "what fits is kept"
        assert ledger.dropped["overflow"] == FRAMES * FACES - ledger.queued
        newest = reader.crop_id(FRAMES - 1, FACES - 1).encode()
        assert entries_of(broker)[-1][b"id"] == newest, "the oldest made room"


def test_a_recording_waits_where_its_bytes_are_too_many(any_broker: Broker) -> None:
    reader = reader_of(any_broker, run="clip", max_bytes=MOST_BYTES)
    answers = [reader.enqueue(frame_of(number, faces=FACES), age_ms=0).status for number in range(FRAMES)]
    kept = ledger_of(any_broker).accepted
    assert answers == ["accepted"] * (kept // FACES) + ["full"] * (FRAMES - kept // FACES)
    assert MOST_BYTES // 2 < bytes_of(any_broker) <= MOST_BYTES
    assert ledger_of(any_broker).queued == kept


def entries_of(broker: Broker) -> list[dict[bytes, bytes]]:
    """Return what really stands in the queue."""
    return [fields for _, fields in client_of(broker).xrange(broker.keys_of("lobby").of_stream("queue", "lobby"))]


def bytes_of(broker: Broker) -> int:
    return sum(len(fields[b"meta"]) + len(fields[b"image"]) for fields in entries_of(broker))


def test_a_crop_for_which_there_is_no_room_counts_as_accepted_and_dropped(any_broker: Broker) -> None:
    reader = reader_of(any_broker, max_crops=2)
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    assert take_one(work_queue(any_broker)) is not None
    assert reader.enqueue(frame_of(1, faces=2), age_ms=0).overflow == 2
    assert ledger_of(any_broker).dropped["overflow"] == 2


def test_a_recording_waits_when_its_queue_is_full_but_an_empty_queue_takes_any_frame(any_broker: Broker) -> None:
    reader = reader_of(any_broker, run="clip", max_crops=2)
    assert reader.enqueue(frame_of(0, faces=5), age_ms=0).status == "accepted"
    assert reader.enqueue(frame_of(1), age_ms=0).status == "full"
    assert ledger_of(any_broker).accepted == 5
    queue = work_queue(any_broker)
    taken = take_one(queue)
    assert taken is not None
    commit_all(any_broker, queue, taken)
    assert reader.enqueue(frame_of(1), age_ms=0).status == "accepted"


def test_live_crops_past_their_age_are_dropped_before_anybody_computes_them(any_broker: Broker) -> None:
    reader, queue = reader_of(any_broker, max_age="200ms"), work_queue(any_broker)
    reader.enqueue(frame_of(0), age_ms=500)
    reader.enqueue(frame_of(1), age_ms=0)
    taken = take_one(queue)
    assert taken is not None
    assert [entry.queued_ms < 200 for entry in taken.entries] == [True]
    assert ledger_of(any_broker).dropped["stale"] == 1


@pytest.mark.parametrize(("ahead_min", "oldest_min"), [(0, 60), (10, 50), (600, 30)])
def test_crops_that_would_outlive_their_age_before_their_event_is_written_are_dropped_too(
    any_broker: Broker, ahead_min: int, oldest_min: int
) -> None:
    """The worker tells how long an event takes; more than half of the age it cannot claim."""
    reader, queue = reader_of(any_broker, max_age="1h"), work_queue(any_broker)
    for number, age_min in enumerate((oldest_min + 1, oldest_min - 1)):
        reader.enqueue(frame_of(number), age_ms=age_min * 60_000)
    ahead = timedelta(minutes=ahead_min)
    take = queue.take(room=8, held={}, per_stream=8, alone_ok=True, ahead=ahead)
    (entry,) = take.taken[0].entries
    assert entry.age_ms < oldest_min * 60_000
    ledger = ledger_of(any_broker)
    assert (ledger.dropped["stale"], ledger.queued) == (1, 1)


def test_crops_of_a_recording_never_get_too_old(any_broker: Broker) -> None:
    reader_of(any_broker, run="clip", max_age="1s").enqueue(frame_of(0), age_ms=3_600_000)
    ahead = timedelta(hours=1)
    assert work_queue(any_broker).take(room=8, held={}, per_stream=8, alone_ok=True, ahead=ahead).taken


def test_what_outlives_its_time_where_no_worker_takes_it_is_swept(any_broker: Broker) -> None:
    reader = reader_of(any_broker, max_age="100ms")
    reader.enqueue(frame_of(0, faces=3), age_ms=0)
    queue = work_queue(any_broker)

    def swept() -> bool:
        queue.sweep()
        return ledger_of(any_broker).dropped["stale"] == 3

    wait_until(swept, description="the sweep drops stale crops")


def test_streams_take_turns(any_broker: Broker) -> None:
    busy = Reader.acquire(any_broker, live_stream("busy"), owner="h", lease=LEASE, recorded=False)
    for number in range(20):
        busy.enqueue(frame_of(number, faces=10), age_ms=0)
    quiet = Reader.acquire(any_broker, live_stream("quiet"), owner="h", lease=LEASE, recorded=False)
    quiet.enqueue(frame_of(0), age_ms=0)
    take = work_queue(any_broker, stream="busy").take(room=32, held={}, per_stream=8, alone_ok=True)
    assert [taken.hand.stream for taken in take.taken] == ["busy", "quiet", "busy", "busy", "busy"]
    got = [(taken.hand.stream, entry.id) for taken in take.taken for entry in taken.entries]
    assert len(set(got)) == len(got) == 32
    assert len({taken.hand.holder for taken in take.taken}) == 2, "one hand a stream"


def test_streams_whose_turn_has_not_come_keep_it(any_broker: Broker) -> None:
    a, b, c = [name for name in ascii_lowercase if any_broker.keys_of(name) == any_broker.keys_of("a")][:3]
    for stream in (a, b, c):
        reader = Reader.acquire(any_broker, live_stream(stream), owner="h", lease=LEASE, recorded=False)
        reader.enqueue(frame_of(0, faces=10), age_ms=0)
    queue = work_queue(any_broker, stream=a)
    takes = [queue.take(room=4, held={}, per_stream=2, alone_ok=True) for _ in range(3)]
    assert [[taken.hand.stream for taken in take.taken] for take in takes] == [[a, b], [c, a], [b, c]]


def test_where_no_worker_runs_a_reader_ends_what_outlived_its_time(any_broker: Broker) -> None:
    reader = reader_of(any_broker, max_age="100ms")
    reader.enqueue(frame_of(0, faces=3), age_ms=0)

    def ended() -> bool:
        reader.renew()
        return ledger_of(any_broker).dropped["stale"] == 3

    wait_until(ended, description="the reader has ended its stale crops")
    assert not client_of(any_broker).exists(any_broker.keys_of("lobby").of_partition("deadlines"))
