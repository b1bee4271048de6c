"""A server with a worker whose model costs nothing."""

from collections.abc import Iterator

import pytest

from tests.support.recordings import Running, server_and_worker


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A server and a worker, as where moodline runs already."""
    with server_and_worker() as both:
        yield both
