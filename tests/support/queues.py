"""Readers and ledgers of one stream, as the tests of the queue use them."""

from datetime import timedelta
from typing import Any

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.streams import Ledger, stream_view
from tests.support.brokers import live_stream

LEASE = timedelta(seconds=6)


def reader_of(broker: Broker, *, owner: str = "host", run: str | None = None, **settings: Any) -> Reader:
    stream = live_stream(**settings)
    return Reader.acquire(broker, stream, owner=owner, lease=LEASE, recorded=run is not None, run=run)


def ledger_of(broker: Broker, stream: str = "lobby") -> Ledger:
    view = stream_view(broker, stream)
    assert view is not None
    assert view.ledger.balanced, view.ledger
    return view.ledger
