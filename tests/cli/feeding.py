"""Puts events into a feed as ingest and worker do, with a judge instead of a model."""

from datetime import timedelta

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.emotions import Emotion
from tests.support.brokers import frame_of, live_stream
from tests.support.judging import commit_all, take_one, work_queue


class Feeder:
    """One stream with one face, of which a frame becomes one event."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._frame = 0
        lease = timedelta(seconds=60)
        self._reader = Reader.acquire(broker, live_stream("lobby"), owner="test", lease=lease, recorded=False)
        self._queue = work_queue(broker)

    def feed(self, emotion: Emotion = "happy", frames: int = 1) -> bool:
        """Put ``frames`` events into the feed; always true, to be used in conditions."""
        for _ in range(frames):
            self._frame += 1
            assert self._reader.enqueue(frame_of(self._frame), age_ms=0).status == "accepted"
            taken = take_one(self._queue)
            assert taken is not None
            assert commit_all(self._broker, self._queue, taken, emotion) == 1
        return True
