"""Live events for many subscribers: one thread reads the feed, and each subscriber has a bounded queue.

Queues are touched in the event loop alone. The thread sleeps while nobody listens. A subscriber that is too
slow loses its oldest events and is told how many; it slows nobody else.
"""

import asyncio
import contextlib
import json
import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from api.selection import Selection
from moodline.broker import Broker
from moodline.cursors import Cursor
from moodline.errors import BrokerError
from moodline.event import Event, latest_cursor, left_unread, read_events

QUEUE_EVENTS: Final = 1000
"""Events that wait for one subscriber: minutes of a camera, a megabyte at most."""
READ_COUNT: Final = 500
BLOCK_MS: Final = 500
RETRY_S: Final = (0.5, 5.0)
JOIN_S: Final = 3.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event with the cursor after it and its JSON, written once for all subscribers."""

    cursor: Cursor
    event: Event
    text: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a subscriber gets at once: first what it has missed, then the events that wait.

    ``missed``: whether they still stand in the feed -> how many, None where nobody knows.
    """

    missed: Mapping[bool, int | None]
    events: list[LiveEvent]

    def notices(self) -> list[str]:
        """Return a notice as JSON for each kind of loss."""
        return [missed_notice(number, in_feed=in_feed) for in_feed, number in self.missed.items()]


def missed_notice(number: int | None, *, in_feed: bool) -> str:
    """Return what tells a subscriber that events did not come: how many, and whether they can be read again."""
    return json.dumps({"missed": number, "in_feed": in_feed})


class Subscription:
    """One subscriber's bounded queue. ``placed``: what is written to the feed from now on comes in here."""

    def __init__(self, selection: Selection, size: int) -> None:
        self.placed = asyncio.Event()
        self._selection = selection
        self._queue: deque[LiveEvent] = deque()
        self._size = size
        self._missed: dict[bool, int | None] = {}
        self._news = asyncio.Event()
        self._closed = False

    async def take(self) -> Delivery | None:
        """Wait for events; None when the feed is closed and nothing is left."""
        await self._news.wait()
        if self._closed and not self._queue:
            return None
        delivery = Delivery(dict(self._missed), list(self._queue))
        self.clear()
        return delivery

    def clear(self) -> None:
        """Forget what waits: the subscriber is about to read it from the feed itself."""
        self._queue.clear()
        self._missed.clear()
        if not self._closed:
            self._news.clear()

    def offer(self, live: LiveEvent) -> None:
        """Queue an event if it is wanted, in the place of the oldest where there is no room."""
        if not self._selection.takes(live.event):
            return
        if len(self._queue) >= self._size:
            self._queue.popleft()
            self._miss(1, in_feed=True)
        self._queue.append(live)
        self._news.set()

    def skip(self, number: int | None, *, in_feed: bool) -> None:
        """Note that events of all streams were passed over; how many of them were wanted, only a whole feed tells."""
        self._miss(number if self._selection.takes_all else None, in_feed=in_feed)
        self._news.set()

    def close(self) -> None:
        """Let ``take`` hand out what waits, and then None."""
        self._closed = True
        self.placed.set()
        self._news.set()

    def _miss(self, number: int | None, *, in_feed: bool) -> None:
        before = self._missed.get(in_feed, 0)
        self._missed[in_feed] = None if number is None or before is None else before + number


class LiveFeed:
    """Fans the event feed out to subscribers."""

    def __init__(self, broker: Broker, *, queue_events: int = QUEUE_EVENTS) -> None:
        self._broker = broker
        self._queue_events = queue_events
        # Guards the next two, so that no subscription falls between two readings.
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._following = False
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._left = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="live-feed", daemon=True)

    def start(self) -> None:
        """Start the reading thread. Must be called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    @contextlib.contextmanager
    def subscribe(self, selection: Selection) -> Iterator[Subscription]:
        """Open a subscription; events are kept for it while it is open."""
        subscription = Subscription(selection, self._queue_events)
        with self._lock:
            self._subscriptions.add(subscription)
            if self._following:
                subscription.placed.set()
        if self._stopping.is_set():
            subscription.close()
        self._wanted.set()
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)
            if self._stopping.is_set() and not self._subscriptions:
                self._left.set()

    @property
    def subscribers(self) -> int:
        """Open subscriptions."""
        return len(self._subscriptions)

    def close(self) -> None:
        """End every subscription after what waits for it. Must be called in the event loop."""
        self._stopping.set()
        self._wanted.set()
        for subscription in self._subscriptions:
            subscription.close()

    async def goodbye(self, within_s: float) -> None:
        """Wait until every subscriber has read what waits for it and has left, but not longer than ``within_s``."""
        if self._subscriptions:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._left.wait(), within_s)

    async def join(self) -> None:
        """Wait for the thread's end."""
        await asyncio.to_thread(self._thread.join, JOIN_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait()
            self._wanted.clear()
            try:
                self._follow()
            except BrokerError as error:
                self._wait_for_redis(error)
            except Exception:
                # Whatever stands in the feed: the thread must outlive it, or all subscribers fall silent.
                log.exception("Live events skip to the newest event, since one could not be read.")
                self._in_loop(partial(self._skip, None, in_feed=True))
                self._stopping.wait(RETRY_S[0])
            if self._subscriptions:
                self._wanted.set()

    def _follow(self) -> None:
        """Read from the newest event on, for as long as somebody listens."""
        cursor = latest_cursor(self._broker)
        try:
            while self._somebody_listens():
                cursor = self._read(cursor)
        finally:
            with self._lock:
                self._following = False

    def _read(self, cursor: Cursor) -> Cursor:
        try:
            found, after = read_events(self._broker, after=cursor, count=READ_COUNT, block_ms=BLOCK_MS)
        except BrokerError as error:
            # The cursor is kept, so that nothing is lost that is written before the next reading.
            self._wait_for_redis(error)
            return cursor
        if left := left_unread(self._broker, cursor, found):
            self._in_loop(partial(self._skip, left, in_feed=False))
        if found:
            events = [LiveEvent(place, event, event.to_json()) for place, event in found]
            self._in_loop(partial(self._deliver, events))
        return after

    def _somebody_listens(self) -> bool:
        with self._lock:
            before = self._following
            self._following = bool(self._subscriptions) and not self._stopping.is_set()
            if self._following and not before:
                self._in_loop(self._place)
            return self._following

    def _wait_for_redis(self, error: BrokerError) -> None:
        log.warning("Live events wait. %s", error)
        self._stopping.wait(random.uniform(*RETRY_S))

    def _in_loop(self, call: Callable[[], None]) -> None:
        if self._loop is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it everybody who listened
            self._loop.call_soon_threadsafe(call)

    def _place(self) -> None:
        for subscription in self._subscriptions:
            subscription.placed.set()

    def _skip(self, number: int | None, *, in_feed: bool) -> None:
        for subscription in self._subscriptions:
            subscription.skip(number, in_feed=in_feed)

    def _deliver(self, events: list[LiveEvent]) -> None:
        for live in events:
            for subscription in self._subscriptions:
                subscription.offer(live)
