"""The other side of the chaos suite: who puts crops in, who reads events, and the ledger that compares both."""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final, Self, cast

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.errors import BrokerError, LeaseLostError
from moodline.event import Event, read_events
from moodline.streams import Ledger, list_streams
from tests.support.brokers import frame_of, live_stream
from tests.support.wait import wait_until

RECORDED: Final = ("rec-0", "rec-1", "rec-2")
LIVE: Final = ("live-0", "live-1")
_LEASE: Final = timedelta(minutes=10)


@dataclass
class Source:
    """One stream's reader, and what the queue said that it has taken. ``maybe``: it never said."""

    stream: str
    recorded: bool
    reader: Reader
    frame: int = 0
    accepted: list[str] = field(default_factory=list)
    maybe: list[str] = field(default_factory=list)
    unanswered: bool = False


class Feeder:
    """Puts frames of several streams into the queue, as ingest would: again after a lost reply, a new lease if lost."""

    def __init__(self, broker: Broker, seed: int, *, streams: tuple[str, ...] = RECORDED + LIVE) -> None:
        self._broker = broker
        self._random = random.Random(seed)
        self.sources = {stream: Source(stream, stream not in LIVE, self._acquire(stream)) for stream in streams}
        self.refused: Counter[str] = Counter()

    def feed(self, frames: int) -> None:
        """Put frames into random streams."""
        for _ in range(frames):
            self.step(self._random.choice(list(self.sources.values())))

    @contextlib.contextmanager
    def feeding(self, *, pause_s: float = 0.004) -> Iterator[None]:
        """Feed in a thread of its own meanwhile."""
        stop = threading.Event()
        errors: list[BaseException] = []

        def run() -> None:
            try:
                while not stop.wait(pause_s):
                    self.feed(1)
            except BaseException as error:  # noqa: BLE001 - it is raised again by the test's thread
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if errors:
            raise errors[0]

    def settle(self) -> None:
        """Send what was never answered again, until the queue has said what became of it."""
        for source in self.sources.values():
            wait_until(partial(self._answered, source), description=f"{source.stream} is answered", timeout=30)

    def step(self, source: Source) -> None:
        """Send one frame; the same one again where the last try had no answer."""
        faces = source.frame % 4 if source.frame else 1
        frame = frame_of(source.frame, faces=faces, at_ms=round(time.time() * 1000), tracks=source.reader.token)
        ids = [source.reader.crop_id(source.frame, face) for face in range(faces)]
        try:
            status = source.reader.enqueue(frame, age_ms=0).status
        except LeaseLostError:
            self.refused["LeaseLostError"] += 1
            source.maybe += ids
            with contextlib.suppress(BrokerError):
                source.reader = self._acquire(source.stream)
                source.frame, source.unanswered = source.frame + 1, False
        except BrokerError as error:
            self.refused[type(error).__name__] += 1
            source.unanswered = True
        else:
            source.unanswered = False
            if status == "full":
                return
            source.accepted += ids
            source.frame += 1

    def _answered(self, source: Source) -> bool:
        if source.unanswered:
            self.step(source)
        return not source.unanswered

    def _acquire(self, stream: str) -> Reader:
        recorded = stream not in LIVE
        bounds: dict[str, Any] = {"max_crops": 400} if recorded else {"max_crops": 32, "max_age": "1s"}
        settings = live_stream(stream, **bounds)
        return Reader.acquire(self._broker, settings, owner="chaos", lease=_LEASE, recorded=recorded, run="clip")


class Subscriber:
    """Follows the event feed in a thread of its own, as a subscriber would that saw everything in time."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._stop = threading.Event()
        self._cursor = ""
        self.events: list[Event] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def emotion_ids(self, stream: str | None = None) -> list[str]:
        """Return the ids of emotion events in the order in which they came."""
        return [event.id for event in list(self.events) if event.kind == "emotion" and stream in (None, event.stream)]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                found, self._cursor = read_events(self._broker, after=self._cursor, count=500, block_ms=200)
            except BrokerError:
                self._stop.wait(0.1)
                continue
            self.events += [event for _, event in found]


def ledgers(broker: Broker) -> dict[str, Ledger]:
    """Return the ledger of each stream; fails where one is not balanced."""
    found = {view.id: view.ledger for view in list_streams(broker)}
    for stream, ledger in found.items():
        assert ledger.balanced, (stream, ledger)
    return found


def drained(broker: Broker) -> bool:
    """Whether nothing is queued; fails where a ledger is not balanced."""
    return all(ledger.queued == 0 for ledger in ledgers(broker).values())


def dead_letters(broker: Broker) -> list[str]:
    """Return the ids in the dead-letter feeds."""
    feeds = [keys.of_partition("dead") for keys in broker.all_keys()]
    return [entry[b"id"].decode() for feed in feeds for _, entry in cast("list[Any]", broker.client.xrange(feed))]


def assert_nothing_lost_nothing_twice(broker: Broker, feeder: Feeder, subscriber: Subscriber) -> None:
    """Compare every crop that the queue said it had taken with events, drops and dead letters."""
    books, dead = ledgers(broker), dead_letters(broker)
    total = sum(ledger.events for ledger in books.values())
    wait_until(lambda: len(subscriber.emotion_ids()) >= total, description=f"all {total} events are read")
    for stream, source in feeder.sources.items():
        ids, ledger = subscriber.emotion_ids(stream), books[stream]
        assert len(set(ids)) == len(ids) == ledger.events, f"{stream}: no id twice, and as many as the ledger says"
        assert not source.maybe
        assert ledger.accepted == len(source.accepted)
        if source.recorded:
            gone = {crop for crop in dead if crop.startswith(f"{stream}/")}
            assert ids == [crop for crop in source.accepted if crop not in gone], f"{stream}: in order, none lost"
            assert sum(ledger.dropped.values()) == ledger.dropped["poison"] == len(gone)
        else:
            known = {crop: place for place, crop in enumerate(source.accepted)}
            places = [known[crop] for crop in ids]
            assert places == sorted(places), f"{stream}: in order, none invented"
