"""What only a cluster has: partitions on several nodes, and nodes that fail alone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.errors import BrokerPolicyError, BrokerUnavailableError
from moodline.event import latest_cursor, read_events
from moodline.keys import KEY_KINDS
from moodline.streams import list_streams, stream_view
from tests.support.brokers import broker_on, frame_of, live_stream
from tests.support.cluster import NODES, Cluster
from tests.support.judging import commit_all, work_queue
from tests.support.wait import wait_until

PARTITIONS = 6
STREAMS = tuple(f"camera-{number}" for number in range(24))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that the test may break."""
    with Cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture
def spread(own: Cluster) -> Iterator[Broker]:
    broker = broker_on(own, partitions=PARTITIONS, socket_timeout="2s")
    yield broker
    broker.close()


def reader(broker: Broker, stream: str) -> Reader:
    settings = live_stream(stream, max_age="1h")
    return Reader.acquire(broker, settings, owner="h", lease=timedelta(minutes=5), recorded=False)


def work_off(broker: Broker, stream: str) -> None:
    """Commit all that waits in the partition of a stream."""
    queue = work_queue(broker, stream=stream)
    while taken := queue.take(room=64, held={}, per_stream=64, alone_ok=True).taken:
        for crops in taken:
            commit_all(broker, queue, crops)


def fill(broker: Broker) -> dict[str, Reader]:
    readers = {stream: reader(broker, stream) for stream in STREAMS}
    for one in readers.values():
        one.enqueue(frame_of(0, faces=2), age_ms=0)
    return readers


def node_of(own: Cluster, broker: Broker, stream: str) -> int:
    """Return the number of the node that holds a stream's partition."""
    info = broker.keys_of(stream).of_stream("ledger", stream)
    port = broker.client.get_node_from_key(info).port  # type: ignore[attr-defined]
    return [node.port for node in own.nodes].index(port)


def test_partitions_and_their_crops_spread_over_all_nodes(own: Cluster, spread: Broker) -> None:
    fill(spread)
    for node in own.nodes:
        assert node.client().keys("moodline:{*}:queue:*"), "each node holds some of the crops"
    assert {node_of(own, spread, stream) for stream in STREAMS} == set(range(NODES))
    for stream in STREAMS:
        work_off(spread, stream)
    views = list_streams(spread)
    assert [view.id for view in views] == sorted(STREAMS)
    assert all(view.ledger.balanced and view.ledger.events == 2 for view in views)
    for node in own.nodes:
        for key in node.client().keys("*"):
            assert key == b"moodline:partitions" or str(key, "utf-8").split(":")[2] in KEY_KINDS, key  # type: ignore[arg-type]


def test_events_of_all_nodes_are_read_by_one_cursor_in_the_order_of_each_stream(spread: Broker) -> None:
    start = latest_cursor(spread)
    assert read_events(spread, after=start, block_ms=50)[0] == []
    readers = fill(spread)
    for number in range(1, 4):
        for one in readers.values():
            one.enqueue(frame_of(number, faces=2), age_ms=0)
    for stream in STREAMS:
        work_off(spread, stream)
    seen: dict[str, list[str]] = {stream: [] for stream in STREAMS}
    cursor = start
    while True:
        found, cursor = read_events(spread, after=cursor, count=7, block_ms=50)
        if not found:
            break
        for _, event in found:
            if event.kind == "emotion":
                seen[event.stream].append(event.id)
    for stream, one in readers.items():
        assert seen[stream] == [one.crop_id(frame, face) for frame in range(4) for face in range(2)]


def test_when_a_node_dies_the_other_nodes_streams_go_on_and_it_comes_back(own: Cluster, spread: Broker) -> None:
    readers = fill(spread)
    dead = node_of(own, spread, STREAMS[0])
    own.nodes[dead].kill()
    there = [stream for stream in STREAMS if node_of(own, spread, stream) == dead]
    elsewhere = [stream for stream in STREAMS if stream not in there]
    assert there
    assert elsewhere
    with pytest.raises(BrokerUnavailableError, match="cannot be reached"):
        readers[there[0]].enqueue(frame_of(1), age_ms=0)
    for stream in elsewhere:
        readers[stream].enqueue(frame_of(1), age_ms=0)
        work_off(spread, stream)
        view = stream_view(spread, stream)
        assert view is not None
        assert (view.ledger.events, view.ledger.queued) == (3, 0)
    own.nodes[dead].start()
    wait_until(own.healthy, description="the cluster is whole again", timeout=30)

    def accepted() -> bool:
        try:
            return readers[there[0]].enqueue(frame_of(1), age_ms=0).status == "accepted"
        except BrokerUnavailableError:
            return False

    wait_until(accepted, description="the node's streams are taken again")
    work_off(spread, there[0])
    view = stream_view(spread, there[0])
    assert view is not None
    assert view.ledger.balanced
    assert view.ledger.events == 3


def test_each_node_is_checked(own: Cluster) -> None:
    own.nodes[2].client().config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(BrokerPolicyError, match=rf"127\.0\.0\.1:{own.nodes[2].port}.*noeviction"):
        broker_on(own)
