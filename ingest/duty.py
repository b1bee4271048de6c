"""What this ingest host has to read, worked out anew with every look at Redis and every new configuration file."""

import logging
import time
from collections.abc import Iterator
from typing import Final

from ingest.roster import Snapshot
from ingest.share import assign
from ingest.wanted import Streams, Wanted, all_streams
from moodline.hosts import IngestHost
from moodline.settings import Settings, StreamSettings

log = logging.getLogger(__name__)

# A host that has just come gets streams of others only when it has stayed: one that dies at once moves nothing.
SETTLED_S: Final = 3.0


class Duty:
    """The streams that this host reads, leaves and must not begin again; used by one thread but for ``of_file``."""

    def __init__(self, owner: str, settings: Settings, *, file: str, alone: bool = False) -> None:
        """``alone``: only what the configuration names is read, and nothing that was added at run time."""
        self._owner = owner
        self._rules = settings.api.stream_sources
        self._file = file
        self._alone = alone
        self.of_file: tuple[StreamSettings, ...] = settings.streams
        self._snapshot: Snapshot | None = None
        self._seen: tuple[object, object] = (None, None)
        self._streams = Streams({}, {})
        self._mine: frozenset[str] = frozenset()
        self._done: set[str] = set()  # Wanted.key
        self._failed: dict[str, Wanted] = {}  # by the stream's id, as it was when it failed
        self._ended_s: dict[str, float] = {}

    def update(self, snapshot: Snapshot) -> bool:
        """Take in what Redis says and the file holds now; return False where nothing is new."""
        of_file = self.of_file
        if self._seen[0] is snapshot and self._seen[1] is of_file:
            return False
        self._seen = (snapshot, of_file)
        self._snapshot = snapshot
        before = self._streams.refused
        declared = {} if self._alone else snapshot.declared
        self._streams = all_streams(of_file, declared, self._rules, file=self._file)
        for stream, sentence in self._streams.refused.items():
            if before.get(stream) != sentence:
                log.warning("Stream %s, added at run time, is not read here: %s", stream, sentence)
        keys = {wanted.key for wanted in self._streams.wanted.values()}
        self._done.update(*(host.done for host in snapshot.hosts.values()))
        self._ended_s = {name: ended_s for name, ended_s in self._ended_s.items() if ended_s >= snapshot.asked_s}
        # What is gone, or has changed, may come back as something new.
        self._done &= keys
        # A corrected password changes no key, and a pause asks for another try.
        now = self._streams.wanted
        self._failed = {
            stream: failed
            for stream, failed in self._failed.items()
            if stream in now and now[stream].stream == failed.stream and now[stream].key == failed.key
        }
        wishes = {owner: host.wants for owner, host in snapshot.hosts.items()}
        wishes[self._owner] = frozenset(wanted.stream.id for wanted in self._open())
        settled = frozenset(owner for owner, host in snapshot.hosts.items() if host.up_s >= SETTLED_S)
        assigned = assign(wishes, snapshot.readers, settled=settled)
        self._mine = frozenset(stream for stream, owner in assigned.items() if owner == self._owner)
        return True

    def host(self) -> IngestHost:
        """Return what the others should know of this host."""
        return IngestHost(
            owner=self._owner,
            wants=frozenset(wanted.stream.id for wanted in self._open()),
            done=frozenset(self._done),
            declares={stream.id: stream.enabled for stream in self.of_file},
            refuses=self._streams.refused,
            file=self._file,
        )

    def knows(self, stream: str) -> bool:
        """Return whether there is such a stream, paused or not."""
        return stream in self._streams.wanted

    @property
    def all_ended(self) -> bool:
        """Whether there is nothing left to read, here or elsewhere."""
        return self._snapshot is not None and not any(self._open())

    def to_start(self) -> Iterator[Wanted]:
        """Yield the streams of this host that nobody else reads, as far as Redis knows what this host last did."""
        assert self._snapshot is not None  # noqa: S101 - nothing is started before the first look
        for wanted in self._open():
            stream = wanted.stream.id
            is_free = self._snapshot.readers.get(stream, self._owner) == self._owner
            if stream in self._mine and is_free and self._snapshot.asked_s > self._ended_s.get(stream, 0.0):
                yield wanted

    def why_not(self, stream: str, settings: StreamSettings, declared: str | None, *, since_s: float) -> str:
        """Return why a stream that is read here since ``since_s`` is to be left, as a sentence; empty if it is not."""
        assert self._snapshot is not None  # noqa: S101
        wanted = self._streams.wanted.get(stream)
        if wanted is None:
            return self._streams.refused.get(stream) or "It was taken out of the configuration."
        if not wanted.stream.enabled:
            return "It is paused: enabled is false."
        if wanted.stream != settings or (wanted.declared is None) != (declared is None):
            return "Its settings have changed, and it is read with the new ones at once."
        reader = self._snapshot.readers.get(stream)
        if self._snapshot.asked_s > since_s and reader not in {None, self._owner}:
            return f"It is read by {reader}."
        if stream not in self._mine and reader == self._owner:
            return "Another ingest host goes on reading it, so that each reads as many."
        return ""

    def over(self, settings: StreamSettings, declared: str | None, *, failed: bool, ended: bool) -> None:
        """Take in that a stream is no longer read here."""
        self._ended_s[settings.id] = time.monotonic()
        wanted = Wanted(settings, declared)
        if failed:
            self._failed[settings.id] = wanted
        if ended:
            self._done.add(wanted.key)
        self._seen = (None, None)

    def _open(self) -> Iterator[Wanted]:
        """Yield the streams that this host would read."""
        for wanted in self._streams.wanted.values():
            if wanted.stream.enabled and wanted.key not in self._done and wanted.stream.id not in self._failed:
                yield wanted
