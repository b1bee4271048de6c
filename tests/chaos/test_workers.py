"""Workers that are killed and frozen at random: every accepted crop still leaves once, in order."""

import random
import signal
import threading
from collections.abc import Iterator

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.chaos.conftest import KEY, Fleet, let_pass
from tests.support.brokers import client_of, emptied, frame_of
from tests.support.chaos import (
    Feeder,
    Source,
    Subscriber,
    assert_nothing_lost_nothing_twice,
    dead_letters,
    drained,
    ledgers,
)
from tests.support.null_worker import DEADLY, DEADLY_EXIT
from tests.support.wait import wait_until

BUSY_MS = 40
"""So that nearly always something is in work when a worker is hit."""


def test_workers_killed_and_frozen_at_random_lose_nothing_and_double_nothing(
    broker: Broker, fleet: Fleet, seed: int, rounds: int
) -> None:
    chance = random.Random(seed)
    for _ in range(3):
        fleet.start(batch_ms=BUSY_MS)
    feeder = Feeder(broker, seed)
    killed = frozen = 0
    with Subscriber(broker) as subscriber:
        with feeder.feeding(pause_s=0.001):
            for _ in range(rounds):
                let_pass(chance.uniform(0.1, 0.5), lambda: ledgers(broker))
                worker = chance.choice(fleet.all)
                if chance.random() < 0.5:
                    fleet.kill(worker)
                    fleet.start(batch_ms=BUSY_MS)
                    killed += 1
                else:
                    worker.signal(signal.SIGSTOP)
                    wake_after = chance.uniform(0.3, 3)  # the lease is one second: some lose their hands, some not
                    threading.Timer(wake_after, worker.signal, [signal.SIGCONT]).start()
                    let_pass(chance.uniform(0.1, wake_after), lambda: ledgers(broker))
                    frozen += 1
        feeder.settle()
        let_pass(3)  # the last one is awake again
        wait_until(lambda: drained(broker), description="everything is worked off", timeout=60)
        assert_nothing_lost_nothing_twice(broker, feeder, subscriber)
    assert killed > 0
    assert frozen > 0
    assert len(subscriber.emotion_ids()) > 20 * rounds, "work went on meanwhile"


def test_a_worker_killed_between_read_and_commit_costs_nothing(broker: Broker, fleet: Fleet) -> None:
    slow = fleet.start(batch_ms=100)
    feeder = Feeder(broker, 1, streams=("rec-0", "rec-1"))
    with Subscriber(broker) as subscriber:
        slow.signal(signal.SIGSTOP)
        feeder.feed(20)
        slow.signal(signal.SIGCONT)
        hands = [broker.keys_of(stream).of_stream("hand", stream) for stream in feeder.sources]
        in_hand = (None, b"0-0")
        wait_until(
            lambda: any(broker.client.hget(hand, "cursor") not in in_hand for hand in hands),
            description="crops are in the worker's hand",
            interval=0.001,
        )
        fleet.kill(slow)
        assert sum(ledger.queued for ledger in ledgers(broker).values()) > 0, "it died in the middle of the work"
        fleet.start()
        wait_until(lambda: drained(broker), description="another worker finishes", timeout=30)
        assert_nothing_lost_nothing_twice(broker, feeder, subscriber)


@pytest.fixture
def any_broker(any_server: EmbeddedServer) -> Iterator[Broker]:
    with emptied(any_server, seal_key=KEY) as fresh:
        yield fresh


def test_a_crop_that_kills_its_worker_is_given_up_and_its_neighbours_get_their_events(
    any_broker: Broker, any_server: EmbeddedServer
) -> None:
    broker = any_broker
    feeder = Feeder(broker, 1, streams=("rec-0", "rec-1"))
    feeder.feed(10)
    poison = feed_poison(feeder.sources["rec-0"])
    feeder.feed(10)
    deaths = 0
    with Fleet(any_server) as fleet, Subscriber(broker) as subscriber:
        while not drained(broker):
            worker = fleet.start(ready=False, max_attempts="2")
            wait_until(
                lambda worker=worker: drained(broker) or worker.process.poll() is not None,  # type: ignore[misc]
                description="it dies or ends the work",
                timeout=30,
            )
            if worker.process.poll() is not None:
                assert worker.process.returncode == DEADLY_EXIT
                deaths += 1
            assert deaths < 8
        assert deaths == 3, "once in company, twice alone"
        assert dead_letters(broker) == [poison]
        ((_, letter),) = client_of(broker).xrange(broker.keys_of("rec-0").of_partition("dead"))
        assert b"died 2 times" in letter[b"detail"]
        assert_nothing_lost_nothing_twice(broker, feeder, subscriber)


def feed_poison(source: Source) -> str:
    """Put the deadly crop in and return its id."""
    poison = source.reader.crop_id(source.frame, 0)
    source.reader.enqueue(frame_of(source.frame, pixels=DEADLY), age_ms=0)
    source.accepted.append(poison)
    source.frame += 1
    return poison
