"""Browsers' webcams under the supervisor: a capture process for each that sends, none for those that are over."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final

from ingest.slot import Slot
from moodline.broker import Broker, connect
from moodline.errors import MoodlineError
from moodline.settings import RedisSettings, StreamSettings
from moodline.webcams import open_webcams, reader_of, remove_orphans

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_AWAY_S: Final = 2.0

MakeSlot = Callable[[StreamSettings], Slot]


class BrowserWebcams:
    """The slots of the webcams that are open now. ``step`` belongs to the supervisor's thread and asks no Redis."""

    def __init__(self, redis: RedisSettings, template: StreamSettings, *, owner: str, make_slot: MakeSlot) -> None:
        self._template = template
        self._make_slot = make_slot
        self._watch = _Watch(redis, template.id, owner)
        self._slots: dict[str, Slot] = {}

    @property
    def slots(self) -> Iterable[Slot]:
        """The slots of the webcams that are read."""
        return self._slots.values()

    def start(self) -> None:
        """Begin to look for webcams."""
        self._watch.start()

    def stop(self) -> None:
        """Look no more; the capture processes are the supervisor's to end."""
        self._watch.stop()

    def step(self) -> None:
        """Start what is wanted, ask what is over to stop, and take in what the processes say."""
        wanted = self._watch.wanted
        for stream in wanted - self._slots.keys():
            log.info("Reading a browser's webcam as stream %s", stream)
            self._slots[stream] = self._make_slot(self._template.model_copy(update={"id": stream}))
        for stream, slot in list(self._slots.items()):
            if stream not in wanted:
                slot.leave("The page that showed this webcam has been closed.")
            slot.step()
            # What cannot be read at all is not tried again and again.
            if slot.finished and (stream not in wanted or not (slot.failed or slot.ended)):
                del self._slots[stream]
        self._watch.held = frozenset(self._slots)


class _Watch:
    """Asks Redis which webcams are open, and tidies up after those that are over, on a thread of its own.

    ``held`` are the webcams that have a process here. One that another ingest reads is left to that one.
    """

    def __init__(self, redis: RedisSettings, prefix: str, owner: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._owner = owner
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="browser-webcams", daemon=True)
        self.wanted: frozenset[str] = frozenset()
        self.held: frozenset[str] = frozenset()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with contextlib.closing(connect(self._redis)) as broker:
                    while not self._stop.wait(_LOOK_S):
                        self._look(broker)
            except MoodlineError as error:
                # Every stream says so, too. Who is read goes on: its pictures may come again.
                log.debug("Browsers' webcams cannot be looked for: %s", error)
                self._stop.wait(_AWAY_S)
            except Exception:
                log.exception("Looking for browsers' webcams failed; it is tried again.")
                self._stop.wait(_AWAY_S)

    def _look(self, broker: Broker) -> None:
        known = open_webcams(broker, tidy=True)
        self.wanted = frozenset(stream for stream in known if stream in self.held or self._is_free(broker, stream))
        for stream in remove_orphans(broker, self._prefix, besides=known | self.held):
            log.info("The webcam of stream %s is over; the stream has been removed.", stream)

    def _is_free(self, broker: Broker, stream: str) -> bool:
        return reader_of(broker, stream) in (None, self._owner)
