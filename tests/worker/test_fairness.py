"""Streams take turns, however differently busy they are."""

from moodline.broker import Broker
from moodline.crop_queue import Reader
from tests.support.brokers import frame_of, live_stream
from tests.support.judging import work_queue
from tests.support.queues import LEASE


def reader(broker: Broker, stream: str, **settings: int) -> Reader:
    live = live_stream(stream, max_age="1h", **settings)
    return Reader.acquire(broker, live, owner="h", lease=LEASE, recorded=False)


def test_a_stream_with_thousands_of_crops_holds_up_none_of_five_hundred_with_one(broker: Broker) -> None:
    busy = reader(broker, "busy", max_crops=5000)
    for number in range(100):
        busy.enqueue(frame_of(number, faces=30), age_ms=0)
    quiet = [f"quiet-{number}" for number in range(500)]
    for stream in quiet:
        reader(broker, stream).enqueue(frame_of(0), age_ms=0)
    queue = work_queue(broker)
    waits, room, per_stream = set(quiet), 64, 16
    for _ in range(-(-(len(quiet) + 2 * per_stream) // room)):
        take = queue.take(room=room, held={}, per_stream=per_stream, alone_ok=False)
        waits -= {taken.hand.stream for taken in take.taken}
    assert not waits, "all of them had their turn before the busy one had its third"
