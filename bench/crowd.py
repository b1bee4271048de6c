"""Crops for the queue without a camera: several streams, several faces a frame, random pixels."""

import random
import time
from collections.abc import Sequence
from datetime import timedelta

from moodline.broker import Broker
from moodline.crop import CROP_BYTES, Box, Crop, FrameCrops
from moodline.crop_queue import Reader
from moodline.settings import StreamSettings

FACES = 4
_FRAME_MS = 40
_LEASE = timedelta(minutes=5)


class Crowd:
    """Readers of ``streams`` streams. They count as recordings, so no crop is ever too old."""

    def __init__(self, broker: Broker, streams: int) -> None:
        self.names = [f"crowd-{number}" for number in range(streams)]
        self._readers = [_reader(broker, name) for name in self.names]
        self._pixels = [random.randbytes(CROP_BYTES) for _ in range(16)]
        self._began_ms = time.time_ns() // 1_000_000

    def enqueue(self, crops: int) -> int:
        """Put at least ``crops`` crops into the queues, spread over the streams in turn; return how many."""
        done, number = 0, 0
        while done < crops:
            frame = self._frame(number)
            for reader in self._readers:
                reader.enqueue(frame, age_ms=5.0)
            done += FACES * len(self._readers)
            number += 1
        return done

    def _frame(self, number: int) -> FrameCrops:
        at_ms = self._began_ms + number * _FRAME_MS
        return FrameCrops(number, at_ms, 1280, 720, self._faces(number), (), {"detect": 4.0, "crop": 4.3})

    def _faces(self, number: int) -> tuple[Crop, ...]:
        return tuple(
            Crop(face, f"run-{face}", Box(40 + 200 * face, 80, 96, 120), 0.93, self._pixels[(number + face) % 16])
            for face in range(FACES)
        )


def _reader(broker: Broker, name: str) -> Reader:
    stream = StreamSettings.model_validate(
        {"id": name, "url": "crowd.mp4", "max_crops": 1_000_000, "max_bytes": "256MiB"}
    )
    return Reader.acquire(broker, stream, owner="bench", lease=_LEASE, recorded=True, run="crowd")


def queued(broker: Broker, streams: Sequence[str]) -> int:
    """Return how many crops wait or are in work."""
    with broker.errors():
        return sum(broker.client.xlen(broker.keys_of(name).of_stream("queue", name)) for name in streams)
