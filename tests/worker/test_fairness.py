"""Streams take turns, however differently busy they are."""

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.settings import WorkerSettings
from tests.support.brokers import client_of, frame_of, live_stream
from tests.support.judging import work_queue
from tests.support.queues import LEASE
from worker.fetch import per_turn


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
    room = WorkerSettings().batch_size
    waits, per_stream = set(quiet), per_turn(room)
    for _ in range(-(-(len(quiet) + 2 * per_stream) // room)):
        take = queue.take(room=room, held={}, per_stream=per_stream, alone_ok=False)
        waits -= {taken.hand.stream for taken in take.taken}
    assert not waits, "all of them had their turn before the busy one had its third"


def test_a_worker_with_its_hand_on_thousands_of_streams_keeps_them_all(broker: Broker) -> None:
    """More than one command can name: Lua unpacks some 8,000 values and no more."""
    keys, client = broker.keys_of("busy"), client_of(broker)
    held = {f"camera-{number}": (f"w1:x:{number}", "0-0") for number in range(4500)}
    hands = client.pipeline()
    for stream, (holder, _) in held.items():
        hands.hset(keys.of_stream("hand", stream), mapping={"holder": holder, "worker": "w1", "deadline": 0})
    hands.execute()
    take = work_queue(broker).take(room=0, held=held, per_stream=1, alone_ok=False)
    assert not take.lost
    kept = dict(client.zrange(keys.of_partition("hands"), 0, -1, withscores=True))
    assert {stream.decode() for stream in kept} == held.keys()
    assert min(kept.values()) > take.now_ms, "none of them has expired"
