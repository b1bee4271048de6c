"""A server with a worker whose model costs nothing."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from moodline.broker import Broker
from tests.support.brokers import broker_on
from tests.support.recordings import Running, server_and_worker


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A server and a worker, as where moodline runs already."""
    with server_and_worker() as both:
        yield both


@pytest.fixture
def broker(running: Running) -> Iterator[Broker]:
    with closing(broker_on(running.server)) as broker:
        yield broker
