"""The contract is the same on one server and on a cluster: the tests of this folder run on all of them."""

from collections.abc import Iterator

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.support.brokers import SERVERS, emptied, server_binary
from tests.support.cluster import Cluster

CLUSTER_PARTITIONS = 6
"""On all three nodes: `lobby` lives in one partition, `busy` and `quiet` together in another."""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Redis Cluster of three nodes."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture(scope="session", params=(*SERVERS, "cluster"))
def anywhere(request: pytest.FixtureRequest) -> Iterator[EmbeddedServer | Cluster]:
    """A server of each kind, and a cluster."""
    if request.param == "cluster":
        yield request.getfixturevalue("cluster")
    else:
        with EmbeddedServer(binary=server_binary(request.param)) as server:
            yield server


@pytest.fixture
def any_broker(anywhere: EmbeddedServer | Cluster) -> Iterator[Broker]:
    """A broker on each of them, emptied before."""
    partitions = CLUSTER_PARTITIONS if isinstance(anywhere, Cluster) else 1
    with emptied(anywhere, partitions=partitions) as fresh:
        yield fresh


@pytest.fixture
def broker(any_broker: Broker) -> Broker:
    """The same; in this folder every test runs everywhere."""
    return any_broker
