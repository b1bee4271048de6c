"""A server that is slow, a network that breaks, a replica that takes over."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from moodline.broker import Broker
from tests.chaos.conftest import KEY, Fleet, feed, feed_and_work_off, let_pass
from tests.support.brokers import broker_on
from tests.support.chaos import (
    Feeder,
    Subscriber,
    assert_nothing_lost_nothing_twice,
    drained,
    ledgers,
)
from tests.support.judging import all_events, emotion_ids
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer
from tests.support.wait import wait_until

BACK_WITHIN_S = 10.0


class Pair:
    """A server and its replica, and a proxy that leads to the first one."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.first = stack.enter_context(RedisServer(folder / "first"))
        self.replication = stack.enter_context(Proxy(self.first.port))
        replica_of = f"replicaof 127.0.0.1 {self.replication.port}"
        self.second = stack.enter_context(RedisServer(folder / "second", replica_of))
        self.proxy = stack.enter_context(Proxy(self.first.port))

    def in_step(self) -> bool:
        first, second = (redis.Redis(port=server.port).info("replication") for server in (self.first, self.second))
        in_step: bool = first["master_repl_offset"] == second["slave_repl_offset"]
        return in_step and second["master_link_status"] == "up"

    def fail_over(self) -> None:
        """The first one dies; for a moment the proxy leads to a replica that does not know yet that it is more."""
        self.first.kill()
        self.replication.cut()
        self.replication.answers.set()
        self.proxy.target = self.second.port
        self.proxy.cut()
        let_pass(1)
        redis.Redis(port=self.second.port).replicaof("NO", "ONE")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(tmp_path, stack)


@pytest.fixture
def broker(pair: Pair) -> Iterator[Broker]:
    made = broker_on(pair.proxy, seal_key=KEY, socket_timeout="2s")
    yield made
    made.close()


@pytest.fixture
def fleet(pair: Pair) -> Iterator[Fleet]:
    with Fleet(pair.proxy) as made:
        yield made


def test_a_replica_that_is_in_step_takes_over_and_nothing_is_lost(pair: Pair, broker: Broker, fleet: Fleet) -> None:
    fleet.start(batch_ms=20)
    feeder = Feeder(broker, 1)
    with Subscriber(broker) as subscriber:
        with feeder.feeding():
            wait_until(lambda: len(subscriber.emotion_ids()) > 50, description="events flow")
        feeder.feed(20)
        fleet.freeze()  # in the middle of its work
        assert sum(ledger.queued for ledger in ledgers(broker).values()) > 0
        wait_until(pair.in_step, description="the replica has it all")
        pair.fail_over()
        fleet.thaw()
        with feeder.feeding():
            seen = len(subscriber.events)
            wait_until(lambda: len(subscriber.events) > seen + 50, description="events flow", timeout=BACK_WITHIN_S)
        feeder.settle()
        wait_until(lambda: drained(broker), description="everything is worked off", timeout=30)
        assert_nothing_lost_nothing_twice(broker, feeder, subscriber)


def test_a_replica_that_lags_lacks_what_had_not_reached_it_and_subscribers_can_tell(
    pair: Pair, broker: Broker, fleet: Fleet
) -> None:
    feeder = Feeder(broker, 1, streams=("rec-0", "rec-1"))
    with Subscriber(broker) as before:
        finished = feed_and_work_off(broker, fleet, feeder)
        waiting = feed(feeder)
        wait_until(pair.in_step, description="the replica has it all")
        pair.replication.answers.clear()
        published = feed_and_work_off(broker, fleet, feeder)
        lost = published | feed(feeder)
        wait_until(
            lambda: set(before.emotion_ids()) == finished | waiting | published, description="all events are read"
        )
    pair.fail_over()
    wait_until(lambda: answers(broker), description="the second one answers", timeout=BACK_WITHIN_S)
    books = ledgers(broker).values()
    assert sum(ledger.accepted for ledger in books) == len(finished | waiting), "it knows what had reached it"
    fleet.start()
    wait_until(lambda: drained(broker), description="what it knows is worked off", timeout=30)
    assert sorted(emotion_ids(broker)) == sorted(finished | waiting), "its feed holds nothing twice"
    assert not lost & set(emotion_ids(broker)), "lost: what had not reached the replica"
    epochs = {event.epoch for event in before.events}
    again = [event for event in all_events(broker) if event.id in waiting]
    assert len(epochs) == 1
    assert not epochs & {event.epoch for event in again}, "published a second time, and by the epoch one can tell"


def answers(broker: Broker) -> bool:
    try:
        return bool(broker.client.ping())
    except redis.RedisError:
        return False


def test_connections_that_break_again_and_again_lose_nothing_and_double_nothing(
    pair: Pair, broker: Broker, fleet: Fleet, seed: int, rounds: int
) -> None:
    """Replies get lost at any moment: what was done is not done again."""
    chance = random.Random(seed)
    for _ in range(2):
        fleet.start()
    feeder = Feeder(broker, seed)
    with Subscriber(broker) as subscriber:
        with feeder.feeding():
            for _ in range(5 * rounds):
                let_pass(chance.uniform(0.02, 0.3))
                pair.proxy.cut()
        feeder.settle()
        wait_until(lambda: drained(broker), description="everything is worked off", timeout=30)
        assert_nothing_lost_nothing_twice(broker, feeder, subscriber)
    assert len(subscriber.emotion_ids()) > 20 * rounds, "work went on meanwhile"


def test_a_slow_server_slows_things_down_and_no_more(pair: Pair, broker: Broker, fleet: Fleet) -> None:
    for _ in range(2):
        fleet.start(hand_lease="2s")
    feeder = Feeder(broker, 1)
    pair.proxy.delay_s = 0.05
    with Subscriber(broker) as subscriber:
        with feeder.feeding():
            wait_until(lambda: len(subscriber.emotion_ids()) > 50, description="events flow", timeout=30)
        pair.proxy.delay_s = 0
        wait_until(lambda: drained(broker), description="everything is worked off", timeout=30)
        assert_nothing_lost_nothing_twice(broker, feeder, subscriber)
