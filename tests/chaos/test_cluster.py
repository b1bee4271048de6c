"""A node of a cluster dies: the streams of the other nodes go on, and its own when it is back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from moodline.broker import Broker
from moodline.streams import stream_view
from tests.chaos.conftest import KEY, Fleet
from tests.support.brokers import broker_on
from tests.support.chaos import Feeder, Subscriber, assert_nothing_lost_nothing_twice, drained
from tests.support.cluster import Cluster
from tests.support.wait import wait_until

PARTITIONS = 6
STREAMS = tuple(f"rec-{number}" for number in range(9))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as nodes:
        yield nodes


@pytest.fixture
def spread(cluster: Cluster) -> Iterator[Broker]:
    made = broker_on(cluster, seal_key=KEY, partitions=PARTITIONS, socket_timeout="2s")
    yield made
    made.close()


@pytest.fixture
def workers(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.setenv("MOODLINE_REDIS__PARTITIONS", str(PARTITIONS))
    with Fleet(cluster) as fleet:
        yield fleet


def test_a_node_that_dies_holds_up_no_other_and_loses_nothing(
    cluster: Cluster, spread: Broker, workers: Fleet, seed: int
) -> None:
    for _ in range(2):
        workers.start()
    feeder = Feeder(spread, seed, streams=STREAMS)
    dead = node_of(cluster, STREAMS[0], spread)
    there = {stream for stream in STREAMS if node_of(cluster, stream, spread) == dead}
    elsewhere = set(STREAMS) - there

    assert elsewhere
    before = feed_and_read(feeder, spread, set(STREAMS))
    cluster.nodes[dead].kill()
    while_away = feed_and_read(feeder, spread, elsewhere)
    cluster.nodes[dead].start()
    wait_until(cluster.healthy, description="the cluster is whole again", timeout=30)
    feeder.settle()
    wait_until(lambda: drained(spread), description="everything is worked off", timeout=30)
    with Subscriber(spread) as subscriber:
        assert_nothing_lost_nothing_twice(spread, feeder, subscriber)
    assert before
    assert while_away


def feed_and_read(feeder: Feeder, broker: Broker, streams: set[str]) -> int:
    """Feed all streams, and wait until workers have committed for each of these since."""

    def events(stream: str) -> int:
        view = stream_view(broker, stream)
        assert view is not None
        return view.ledger.events

    start = {stream: events(stream) for stream in streams}
    with feeder.feeding():
        wait_until(
            lambda: all(events(stream) > start[stream] + 3 for stream in streams),
            description="their events flow",
            timeout=30,
        )
    return sum(events(stream) - start[stream] for stream in streams)


def node_of(cluster: Cluster, stream: str, broker: Broker) -> int:
    """Return the number of the node on which a stream's partition lives."""
    key = broker.keys_of(stream).of_stream("ledger", stream)
    port = broker.client.get_node_from_key(key).port  # type: ignore[attr-defined]
    return [node.port for node in cluster.nodes].index(port)
