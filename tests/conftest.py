"""Fixtures that several suites share: private servers that end with the tests."""

from collections.abc import Iterator

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.support.brokers import SERVERS, emptied, server_binary


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
    with emptied(any_server) as fresh:
        yield fresh


@pytest.fixture
def broker(embedded_server: EmbeddedServer) -> Iterator[Broker]:
    """A broker on the embedded server, emptied before."""
    with emptied(embedded_server) as fresh:
        yield fresh
