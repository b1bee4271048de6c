"""Keeps in touch with the other ingest hosts: tells them what this one would read, and asks who reads what.

All of it on a thread of its own, since Redis may keep it waiting.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from queue import SimpleQueue
from typing import Final

from ingest.job import CaptureJob
from moodline.broker import Broker, connect
from moodline.declared import Declared, declared_streams
from moodline.errors import LeaseHeldError, MoodlineError
from moodline.hosts import IngestHost, announce, forget_dead, ingest_hosts, readers, withdraw
from moodline.settings import Settings
from moodline.streams import StreamStatus, stream_view

log = logging.getLogger(__name__)

_LOOK_S: Final = 1.0
_KNOWN_FOR: Final = timedelta(seconds=3 * _LOOK_S)
_FORGET_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What Redis said: everything in it was so at ``asked_s`` (monotonic) or later.

    ``began_ms``: since when this host is there, by Redis's clock.
    """

    hosts: Mapping[str, IngestHost]
    readers: Mapping[str, str]
    declared: Mapping[str, Declared]
    asked_s: float
    began_ms: int


class Roster:
    """This host among the others."""

    def __init__(self, settings: Settings, owner: str) -> None:
        self._settings = settings
        self._began_s = time.monotonic()
        self._began_ms = 0
        self._me = IngestHost(owner)
        self._latest: Snapshot | None = None
        self._broker: Broker | None = None
        self._is_away = False
        self._forget_at_s = 0.0
        self._words: SimpleQueue[tuple[CaptureJob, str]] = SimpleQueue()
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="roster", daemon=True)

    @property
    def latest(self) -> Snapshot | None:
        """What Redis last said; None until it has answered."""
        return self._latest

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def tell(self, host: IngestHost) -> None:
        """Tell the others at the next look; at once where ``host`` says something new."""
        if host != self._me:
            self._me = host
            self._wake.set()

    def look_soon(self) -> None:
        """Ask again at once."""
        self._wake.set()

    def leave_word(self, job: CaptureJob, sentence: str) -> None:
        """Let a stream that is given up say so: its processes ended before they could."""
        self._words.put((job, sentence))
        self._wake.set()

    def end(self, *, within_s: float) -> None:
        """Take this host off the list and say what is left to say, if Redis is there and answers so soon."""
        self._ended = True
        self._wake.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        while not self._ended:
            self._say_once(self._look)
            self._leave_words()
            self._wake.wait(_LOOK_S)
            self._wake.clear()
        self._leave_words()
        if self._broker is not None:
            self._say_once(lambda: withdraw(self._connected(), self._me.owner))
            self._broker.close()

    def _look(self) -> None:
        asked_s, broker = time.monotonic(), self._connected()
        me = replace(self._me, up_s=asked_s - self._began_s)
        announce(broker, me, max(self._settings.ingest.reader_lease, _KNOWN_FOR))
        hosts, declared = ingest_hosts(broker), declared_streams(broker)
        streams = frozenset(declared).union(*(host.wants.union(host.declares) for host in hosts.values()))
        self._latest = Snapshot(hosts, readers(broker, streams), declared, asked_s, self._began_ms)
        if asked_s >= self._forget_at_s:
            self._forget_at_s = asked_s + _FORGET_S
            forget_dead(broker, hosts)

    def _leave_words(self) -> None:
        while not self._words.empty():
            self._say_once(partial(self._leave_word, *self._words.get()))

    def _leave_word(self, job: CaptureJob, sentence: str) -> None:
        """Take the stream's lease for a moment, to write its last state."""
        from moodline.crop_queue import Reader  # not above: it brings NumPy, and the supervisor stays small

        broker, stream, lease = self._connected(), job.stream, job.ingest.reader_lease
        view = stream_view(broker, stream.id)
        nothing = StreamStatus("unsupported", sentence, stream.shown_url, "recorded", labels=dict(stream.labels))
        last = replace(view.status, state="unsupported", sentence=sentence) if view and view.status else nothing
        with suppress(LeaseHeldError):  # another host is trying it already
            Reader.acquire(broker, stream, owner=job.owner, lease=lease, recorded=False).release(last)

    def _connected(self) -> Broker:
        if self._broker is None:
            broker = connect(self._settings.redis)
            with broker.errors():
                seconds, microseconds = broker.client.time()
            self._began_ms = self._began_ms or seconds * 1000 + microseconds // 1000
            self._broker = broker
        return self._broker

    def _say_once(self, step: Callable[[], None]) -> None:
        try:
            step()
        except MoodlineError as error:
            if not self._is_away:
                log.warning("%s", error)
            self._is_away = True
        except Exception:
            log.exception("Asking for the other ingest hosts failed; it is tried again.")
        else:
            self._is_away = False
