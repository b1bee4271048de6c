"""The events of one stream, from the feed into a file: each once, whatever crashed in between."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from moodline.broker import Broker
from moodline.cursors import Cursor
from moodline.event import Event, parse_event, read_events

EVENTS: Final = "events.jsonl"
_BATCH: Final = 1000


class Collector:
    """Appends new events to ``events.jsonl``, which holds ``emotions`` emotion events; ``cursor``: read up to there."""

    def __init__(self, broker: Broker, stream: str, folder: Path, *, after: Cursor) -> None:
        self._broker = broker
        self._stream = stream
        self._path = folder / EVENTS
        self._seen: set[str] = set()
        self._file: IO[str] | None = None
        self.cursor = after
        self.emotions = 0

    def __enter__(self) -> Self:
        whole = 0
        if self._path.exists():
            with self._path.open("rb") as kept:
                for line in kept:
                    if not line.endswith(b"\n"):
                        break  # a process was killed while it wrote; the event is read again
                    whole += len(line)
                    self._remember(parse_event(line))
        self._file = self._path.open("a", encoding="utf-8")
        self._file.truncate(whole)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def poll(self, block_ms: int | None) -> int:
        """Collect what has come, waiting up to ``block_ms`` for the first; return how many events that were.

        They are in the file, though perhaps not on the disk, when this returns. Raises BrokerError.
        """
        assert self._file is not None, "used as a context manager"  # noqa: S101 - a fault of ours
        found, cursor = read_events(
            self._broker, after=self.cursor, count=_BATCH, streams={self._stream}, block_ms=block_ms
        )
        new = 0
        for _, event in found:
            if event.id not in self._seen:
                self._file.write(event.to_json() + "\n")
                self._remember(event)
                new += 1
        self._file.flush()
        self.cursor = cursor
        return new

    def _remember(self, event: Event) -> None:
        self._seen.add(event.id)
        self.emotions += event.kind == "emotion"


def read_back(folder: Path) -> Iterator[Event]:
    """Yield the collected events in their order."""
    with (folder / EVENTS).open(encoding="utf-8") as lines:
        for line in lines:
            yield Event.model_validate(json.loads(line))
