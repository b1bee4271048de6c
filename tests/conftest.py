"""Fixtures that several suites share: private servers that end with the tests."""

from collections.abc import Iterator

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.support.brokers import SERVERS, broker_on, server_binary


@pytest.fixture(scope="session", params=SERVERS)
def any_server(request: pytest.FixtureRequest) -> Iterator[EmbeddedServer]:
    """A private server of each kind: the embedded Valkey and Debian's redis-server."""
    with EmbeddedServer(binary=server_binary(request.param)) as server:
        yield server


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[EmbeddedServer]:
    """The server that `moodline up` would start."""
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
def any_broker(any_server: EmbeddedServer) -> Iterator[Broker]:
    """A broker on each kind of server, emptied before."""
    yield from _fresh(any_server)


@pytest.fixture
def broker(embedded_server: EmbeddedServer) -> Iterator[Broker]:
    """A broker on the embedded server, emptied before."""
    yield from _fresh(embedded_server)


def _fresh(server: EmbeddedServer) -> Iterator[Broker]:
    # These servers are the tests' own: nobody's data is flushed.
    broker = broker_on(server)
    broker.client.flushall()
    broker.close()
    broker = broker_on(server)
    yield broker
    broker.close()
