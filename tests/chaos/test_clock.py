"""The server's clock is put forward or back by an hour: ages, leases and deadlines do not care."""

from collections.abc import Iterator

import pytest

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.errors import LeaseHeldError
from moodline.streams import stream_view
from tests.chaos.conftest import KEY, Fleet
from tests.support.brokers import emptied, frame_of, live_stream
from tests.support.chaos import Feeder, Subscriber, assert_nothing_lost_nothing_twice, drained
from tests.support.clock import ClockedServer
from tests.support.judging import all_events, commit_all, sweep_and_take, take_one, work_queue
from tests.support.queues import LEASE, ledger_of, reader_of
from tests.support.wait import wait_until

HOUR_S = 3600.0
BACK_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClockedServer]:
    with ClockedServer(tmp_path_factory.mktemp("clocked")) as server:
        yield server


@pytest.fixture
def broker(clocked: ClockedServer) -> Iterator[Broker]:
    clocked.set_wrong_by(0)
    with emptied(clocked, seal_key=KEY, feed_max_events=1_000_000) as fresh:
        yield fresh


def put_back(clocked: ClockedServer, broker: Broker) -> None:
    before = now_s(broker)
    clocked.set_wrong_by(-HOUR_S)
    wait_until(lambda: now_s(broker) < before - HOUR_S / 2, description="the server's clock is back")


def now_s(broker: Broker) -> float:
    seconds: float = broker.client.time()[0]
    return seconds


@pytest.mark.parametrize("wrong_by", [HOUR_S, -HOUR_S])
def test_a_clock_that_steps_and_steps_again_loses_nothing_and_doubles_nothing(
    clocked: ClockedServer, broker: Broker, seed: int, wrong_by: float
) -> None:
    feeder = Feeder(broker, seed)
    with Fleet(clocked) as fleet:
        for _ in range(2):
            fleet.start(batch_ms=20)
        with Subscriber(broker) as subscriber:
            with feeder.feeding():
                wait_for_more(subscriber)
                for step in (wrong_by, 0.0):
                    clocked.set_wrong_by(step)
                    wait_for_more(subscriber)
            feeder.settle()
            wait_until(lambda: drained(broker), description="everything is worked off", timeout=30)
            for source in feeder.sources.values():
                source.maybe.clear()  # a lease that ended early refuses the frame, and writes nothing
            assert_nothing_lost_nothing_twice(broker, feeder, subscriber)


def wait_for_more(subscriber: Subscriber) -> None:
    """Each stream gives events, so none of them waits for a clock to come round."""
    seen = len(subscriber.events)
    wait_until(
        lambda: len({event.stream for event in subscriber.events[seen:]}) == 5,
        description="events of all streams",
        timeout=BACK_WITHIN_S,
    )


def test_crops_grow_old_although_the_clock_went_back(clocked: ClockedServer, broker: Broker) -> None:
    reader, queue = reader_of(broker, max_age="300ms"), work_queue(broker)
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    put_back(clocked, broker)
    reader.enqueue(frame_of(1), age_ms=0)
    assert ledger_of(broker).dropped["stale"] == 0, "nothing is old yet"

    def all_stale() -> bool:
        queue.sweep()
        return ledger_of(broker).dropped["stale"] == 3

    wait_until(all_stale, description="those from before and after the step are dropped in time", timeout=5)


def test_a_fresh_crop_is_fresh_after_the_clock_went_back(clocked: ClockedServer, broker: Broker) -> None:
    reader, queue = reader_of(broker, max_age="1h"), work_queue(broker)
    reader.enqueue(frame_of(0), age_ms=0)
    put_back(clocked, broker)
    reader.enqueue(frame_of(1), age_ms=40)
    taken = take_one(queue)
    assert taken is not None
    assert [entry.age_ms < 20_000 for entry in taken.entries] == [True, True]


def test_a_dead_workers_hand_is_taken_over_in_time(clocked: ClockedServer, broker: Broker) -> None:
    reader_of(broker, max_age="1h").enqueue(frame_of(0), age_ms=0)
    assert take_one(work_queue(broker, "dead", lease_s=0.5)) is not None
    put_back(clocked, broker)
    heir = work_queue(broker, "heir")
    assert sweep_and_take(heir).alone


def test_a_dead_readers_lease_ends_in_time(clocked: ClockedServer, broker: Broker) -> None:
    reader_of(broker, owner="dead")
    put_back(clocked, broker)

    def taken_over() -> bool:
        try:
            Reader.acquire(broker, live_stream(), owner="heir", lease=LEASE, recorded=False)
        except LeaseHeldError:
            return False
        return True

    assert not taken_over(), "it may still be alive"
    wait_until(taken_over, description="the lease has ended", timeout=LEASE.total_seconds() + 5)


def test_a_face_that_left_is_told_in_time(clocked: ClockedServer, broker: Broker) -> None:
    reader, queue = reader_of(broker, max_age="1h", track_timeout="500ms"), work_queue(broker)
    reader.enqueue(frame_of(0), age_ms=0)
    taken = take_one(queue)
    assert taken is not None
    commit_all(broker, queue, taken)
    put_back(clocked, broker)

    def told() -> bool:
        queue.sweep()
        return all_events(broker)[-1].kind == "face_left"

    wait_until(told, description="the face has left")
    view = stream_view(broker, "lobby")
    assert view is not None
    assert view.open_tracks == 0
