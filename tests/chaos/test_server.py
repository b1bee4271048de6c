"""A server that dies, forgets, hangs or is full: what may be lost is lost, and no crop more."""

from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from moodline.broker import Broker
from tests.chaos.conftest import Fleet, FragileServer, cpu_seconds, feed, feed_and_work_off, let_pass
from tests.support.chaos import (
    Feeder,
    Subscriber,
    assert_nothing_lost_nothing_twice,
    drained,
    ledgers,
)
from tests.support.judging import emotion_ids
from tests.support.wait import wait_until
from tests.support.workers import WorkerProcess

BACK_WITHIN_S = 10.0
MOST_CPU_WHILE_AWAY = 0.10
"""Of one core: a worker that waits for Redis waits."""

durable = pytest.mark.parametrize("server", ["durable_server"], indirect=True)


def queued(broker: Broker) -> int:
    return sum(ledger.queued for ledger in ledgers(broker).values())


@durable
def test_a_server_that_syncs_every_write_may_die_at_any_time(
    server: FragileServer, broker: Broker, fleet: Fleet, seed: int, rounds: int
) -> None:
    broker.client.config_set("appendfsync", "always")
    for _ in range(2):
        fleet.start()
    feeder = Feeder(broker, seed)
    with Subscriber(broker) as subscriber:
        with feeder.feeding():
            for _ in range(max(2, rounds // 3)):
                let_pass(0.7)
                server.kill()
                server.start(broker, fsync="always")
                wait_for_more(subscriber)
        feeder.settle()
        wait_until(lambda: drained(broker), description="everything is worked off", timeout=30)
        assert_nothing_lost_nothing_twice(broker, feeder, subscriber)
    assert feeder.refused["BrokerUnavailableError"] > 0, "the server was really away"


@durable
def test_a_server_that_loses_its_last_second_loses_what_was_in_it_and_no_more(
    server: FragileServer, broker: Broker, fleet: Fleet, tmp_path: Path
) -> None:
    """A power cut takes what was not synced: here the end of the append-only file is cut off."""
    feeder = Feeder(broker, 1, streams=("rec-0", "rec-1"))
    with Subscriber(broker) as subscriber:
        finished = feed_and_work_off(broker, fleet, feeder)
        waiting = feed(feeder)
        synced = sizes(tmp_path)
        published = feed_and_work_off(broker, fleet, feeder)
        never_published = feed(feeder) - published
        wait_until(
            lambda: set(subscriber.emotion_ids()) == finished | waiting | published, description="all events are read"
        )
        server.kill()
        cut_to(synced)
        server.start(broker)
        books = ledgers(broker).values()
        assert sum(ledger.accepted for ledger in books) == len(finished | waiting), "it knows what it last synced"
        assert sum(ledger.queued for ledger in books) == len(waiting)

        fleet.start()
        wait_until(lambda: drained(broker), description="what it knows is worked off", timeout=30)
        wait_until(
            lambda: len(subscriber.emotion_ids()) == len(finished | published) + 2 * len(waiting),
            description="all events are read",
        )
    times = Counter(subscriber.emotion_ids())
    assert {crop for crop, count in times.items() if count == 2} == waiting, "published twice: only what waited then"
    assert not never_published & set(times), "lost: only what came in after the last sync"
    assert sorted(emotion_ids(broker)) == sorted(finished | waiting), "the feed itself holds nothing twice"


def test_a_server_without_a_file_forgets_what_waited_and_nothing_that_comes_later(
    server: FragileServer, broker: Broker, fleet: Fleet
) -> None:
    fleet.start(batch_ms=20)
    feeder = Feeder(broker, 1, streams=("rec-0", "rec-1"))
    with Subscriber(broker) as subscriber:
        feeder.feed(30)
        wait_until(lambda: drained(broker), description="the first crops are worked off")
        fleet.freeze()
        feeder.feed(30)
        waited = queued(broker)
        events_before = sum(ledger.events for ledger in ledgers(broker).values())
        wait_until(lambda: len(subscriber.emotion_ids()) == events_before, description="all events are read")
        assert waited > 0
        server.kill()
        server.start(broker)
        fleet.thaw()
        assert ledgers(broker) == {}, "nothing is left of it"

        before = accepted(feeder)
        for source in feeder.sources.values():
            feeder.step(source)  # the lease is lost: a new reader
            assert not source.unanswered
        assert feeder.refused["LeaseLostError"] == len(feeder.sources)
        feeder.feed(30)
        fresh = accepted(feeder) - before
        wait_until(lambda: drained(broker), description="what came later is worked off", timeout=BACK_WITHIN_S)
        wait_until(lambda: len(subscriber.emotion_ids()) >= events_before + fresh, description="all events are read")
        assert len(subscriber.emotion_ids()) == events_before + fresh
        books = ledgers(broker).values()
        assert sum(ledger.accepted for ledger in books) == sum(ledger.events for ledger in books) == fresh
        epochs = {event.epoch for event in subscriber.events}
        assert len(epochs) == 2, "a subscriber can tell that the server began anew"


@pytest.mark.parametrize("how", ["frozen", "dead"])
@durable
def test_while_the_server_is_away_workers_wait_and_then_they_are_back(
    server: FragileServer, broker: Broker, fleet: Fleet, how: str
) -> None:
    broker.client.config_set("appendfsync", "always")
    workers = [fleet.start() for _ in range(2)]
    batches = {worker.port: 0.0 for worker in workers}

    def works_again(worker: WorkerProcess) -> bool:
        return (worker.metric("moodline_batches_total") or 0) > batches[worker.port]

    feeder = Feeder(broker, 1)
    away_s = 6.0  # longer than the sockets' time-out
    with Subscriber(broker) as subscriber:
        with feeder.feeding():
            wait_until(lambda: len(subscriber.emotion_ids()) > 50, description="events flow")
            if how == "frozen":
                server.freeze()
            else:
                server.kill()
            let_pass(0.5)
            batches = {worker.port: worker.metric("moodline_batches_total") or 0 for worker in workers}
            before = [cpu_seconds(worker) for worker in workers]
            let_pass(away_s)
            used = [cpu_seconds(worker) - was for worker, was in zip(workers, before, strict=True)]
            if how == "frozen":
                server.thaw()
            else:
                server.start(broker, fsync="always")
            pause = len(subscriber.events)
            for worker in workers:
                wait_until(partial(works_again, worker), description="the worker is back", timeout=BACK_WITHIN_S)
        feeder.settle()
        wait_until(lambda: drained(broker), description="everything is worked off", timeout=30)
        assert_nothing_lost_nothing_twice(broker, feeder, subscriber)
    assert len(subscriber.events) > pause
    assert max(used) < MOST_CPU_WHILE_AWAY * away_s, f"CPU seconds in {away_s} s: {used}"


def test_a_full_server_drains_even_with_workers_that_start_then(broker: Broker, fleet: Fleet, seed: int) -> None:
    fleet.start()
    feeder = Feeder(broker, seed, streams=("rec-0", "rec-1", "rec-2"))
    with Subscriber(broker) as subscriber:
        with feeder.feeding():
            wait_until(lambda: len(subscriber.emotion_ids()) > 50, description="events flow")
            fleet.kill(fleet.all[0])
            wait_until(lambda: queued(broker) > 50, description="crops wait")
            broker.client.config_set("maxmemory", 1)
            wait_until(lambda: feeder.refused["BrokerFullError"] > 10, description="crops are refused")
            fleet.start()
            wait_until(lambda: drained(broker), description="the full server drains", timeout=30)
            broker.client.config_set("maxmemory", 0)
            seen = len(subscriber.events)
            wait_until(lambda: len(subscriber.events) > seen + 50, description="events flow again")
        feeder.settle()
        wait_until(lambda: drained(broker), description="everything is worked off", timeout=30)
        assert_nothing_lost_nothing_twice(broker, feeder, subscriber)


def wait_for_more(subscriber: Subscriber) -> None:
    seen = len(subscriber.events)
    wait_until(lambda: len(subscriber.events) > seen, description="events flow again", timeout=BACK_WITHIN_S)


def accepted(feeder: Feeder) -> int:
    return sum(len(source.accepted) for source in feeder.sources.values())


def sizes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in folder.rglob("*.aof")}


def cut_to(synced: dict[Path, int]) -> None:
    for path, size in synced.items():
        with path.open("r+b") as file:
            file.truncate(size)
