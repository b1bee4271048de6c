"""Fixtures of the API's tests."""

from collections.abc import Iterator

import httpx
import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.api.stage import Scene, serving
from tests.support.brokers import broker_on


@pytest.fixture
def scene(broker: Broker) -> Scene:
    return Scene(broker)


@pytest.fixture(scope="session")
def shared_client(embedded_server: EmbeddedServer) -> Iterator[httpx.Client]:
    broker = broker_on(embedded_server)
    with serving(broker) as client:
        yield client
    broker.close()


@pytest.fixture
def client(shared_client: httpx.Client, broker: Broker) -> httpx.Client:  # noqa: ARG001 - empties the server
    """A client of one API for all tests, in front of a server with nothing in it."""
    return shared_client
