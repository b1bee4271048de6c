"""A crowd before a camera: a frame gives no more faces than it may, and the queue grows no longer than it may."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ingest.analysis import Analysis
from ingest.detect.base import Detection
from ingest.sources.base import Frame, Pixels
from moodline.broker import Broker
from tests.support.brokers import client_of, live_stream
from tests.support.queues import ledger_of, reader_of

SIDE = 30
MOST_FACES, MOST_CROPS, FRAMES = 8, 20, 12


class CrowdDetector:
    """Sees a hundred faces in every picture."""

    least_face = 12

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        columns = pixels.shape[1] // SIDE
        return [Detection(SIDE * (n % columns), SIDE * (n // columns), SIDE, SIDE, 0.9) for n in range(100)]


def test_a_crowd_makes_neither_a_frame_nor_a_queue_larger_than_it_may_be(any_broker: Broker) -> None:
    bounds: dict[str, Any] = {"max_faces": MOST_FACES, "max_crops": MOST_CROPS}
    reader = reader_of(any_broker, **bounds)
    analysis = Analysis(live_stream(fps=20, **bounds), CrowdDetector(), prefix="t")
    queue = any_broker.keys_of("lobby").of_stream("queue", "lobby")
    for number in range(FRAMES):
        pixels = np.full((480, 640, 3), number * 20, dtype=np.uint8)
        found = analysis.analyse(
            Frame(number, pixels, captured_at_ms=number * 40, monotonic_s=number / 20, media_ms=None)
        )
        assert found is not None
        assert len(found.crops) == MOST_FACES
        reader.enqueue(found, age_ms=0)
        assert client_of(any_broker).xlen(queue) <= MOST_CROPS

    ledger = ledger_of(any_broker)
    assert ledger.queued == MOST_CROPS
    assert ledger.dropped["overflow"] == FRAMES * MOST_FACES - ledger.queued
