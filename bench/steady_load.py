"""Live streams that offer crops at a fixed rate, whatever becomes of them."""

import random
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from bench.crowd import queued
from moodline.broker import Broker
from moodline.crop import CROP_BYTES, Box, Crop, FrameCrops
from moodline.crop_queue import Reader
from moodline.settings import StreamSettings
from moodline.streams import StreamStatus

_LEASE = timedelta(minutes=5)
_LOOK_S = 0.01


class SteadyLoad:
    """``streams`` live streams with one face a frame and the default settings, in a thread."""

    def __init__(self, broker: Broker, streams: int, *, prefix: str = "load") -> None:
        self.names = [f"{prefix}-{number}" for number in range(streams)]
        self.max_age = StreamSettings.model_validate({"id": "load", "url": "demo"}).max_age
        self._broker = broker
        self._readers = [_reader(broker, name) for name in self.names]
        self._pixels = [random.randbytes(CROP_BYTES) for _ in range(16)]
        self._number = 0

    @contextmanager
    def offering(self, crops_per_s: float) -> Iterator[None]:
        """Offer so many crops a second, evenly, until the block ends."""
        stop = threading.Event()
        thread = threading.Thread(target=self._offer, args=(crops_per_s, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def release(self, status: StreamStatus) -> None:
        """Give all leases back; the streams' last crops are still worked off."""
        for reader in self._readers:
            reader.release(status)

    def _offer(self, crops_per_s: float, stop: threading.Event) -> None:
        began, done = time.monotonic(), 0
        while not stop.is_set():
            due = int((time.monotonic() - began) * crops_per_s)
            for _ in range(done, due):
                self._enqueue()
            done = due
            time.sleep(max(0.0, began + (done + 1) / crops_per_s - time.monotonic()))

    def remember(self, moments_ms: Iterable[int], most_queued: int) -> None:
        """Show one face a stream at each of these moments of the past, as fast as a worker takes them."""
        for at_ms in moments_ms:
            for _ in self._readers:
                self._enqueue(at_ms)
            while queued(self._broker, self.names) > most_queued:
                time.sleep(_LOOK_S)

    def _enqueue(self, at_ms: int | None = None) -> None:
        self._number += 1
        turn, reader = divmod(self._number, len(self._readers))
        face = Crop(0, f"run-{turn // 50}", Box(40, 80, 96, 120), 0.93, self._pixels[self._number % 16])
        frame = FrameCrops(self._number, at_ms or time.time_ns() // 1_000_000, 1280, 720, (face,), (), {})
        self._readers[reader].enqueue(frame, age_ms=0.0)


def _reader(broker: Broker, name: str) -> Reader:
    stream = StreamSettings.model_validate({"id": name, "url": "demo"})
    return Reader.acquire(broker, stream, owner="bench", lease=_LEASE, recorded=False)
