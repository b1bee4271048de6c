"""A stage for the API: faces that come and are judged, and a real server in front of them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import httpx

from api.app import create_app
from api.server import Server, address, listen
from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.emotions import Emotion
from moodline.settings import ApiSettings, JobSettings, Settings
from moodline.streams import StreamState, StreamStatus
from moodline.work_queue import Committed
from tests.support.brokers import frame_of, live_stream
from tests.support.judging import RULES, drop_as, judge, take_one, work_queue


def status_of(state: StreamState = "live", *, age_ms: int = 200) -> StreamStatus:
    return StreamStatus(
        state=state,
        sentence="Frames arrive.",
        source="rtsp://***@camera.test/1",
        kind="live",
        frames=7,
        width=640,
        height=360,
        fps=5.0,
        last_frame_at_ms=round(time.time() * 1000) - age_ms,
    )


class Scene:
    """Streams with faces in them; each `see` is one frame, classified at once."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._readers: dict[str, Reader] = {}
        self._frames = 0

    def open(self, stream: str, state: StreamState = "live", *, age_ms: int = 200) -> None:
        """Let a stream be read and report its state."""
        self._reader(stream).report(status_of(state, age_ms=age_ms))

    def queue(self, stream: str, faces: int, *, at_ms: int | None = None) -> None:
        """Put a frame's faces into the crop queue."""
        self._frames += 1
        now = round(time.time() * 1000) if at_ms is None else at_ms
        self._reader(stream).enqueue(frame_of(self._frames, faces=faces, at_ms=now - 40 * self._frames), age_ms=5)

    def see(self, stream: str, *emotions: Emotion, at_ms: int | None = None, recorded: bool = False) -> None:
        """Let a frame come with one face for each of `emotions`, and judge them so."""
        self._reader(stream, recorded=recorded)
        self.queue(stream, len(emotions), at_ms=at_ms)
        queue = work_queue(self._broker, stream=stream)
        taken = take_one(queue)
        assert taken is not None
        pairs = zip(taken.entries, emotions, strict=True)
        crops = [self._judged(stream, judge(self._broker, entry, emotion)) for entry, emotion in pairs]
        queue.commit(taken.hand, crops, RULES, release=True)

    def drop(self, stream: str) -> None:
        """Let a queued crop end as poison."""
        queue = work_queue(self._broker, stream=stream)
        taken = take_one(queue, room=1)
        assert taken is not None
        drop_as(queue, taken.hand, taken.entries[0], "a test")

    def _reader(self, stream: str, *, recorded: bool = False) -> Reader:
        if stream not in self._readers:
            self._readers[stream] = Reader.acquire(
                self._broker, live_stream(stream), owner="test", lease=timedelta(minutes=1), recorded=recorded
            )
        return self._readers[stream]

    @staticmethod
    def _judged(stream: str, crop: Committed) -> Committed:
        return replace(
            crop,
            head=crop.head.replace(b'"stream":"lobby"', f'"stream":{json.dumps(stream)}'.encode()),
            tail=crop.tail + b',"latency_ms":{"detect":9.5,"committed":61.0}',
        )


@contextmanager
def serving(
    broker: Broker, settings: ApiSettings | None = None, *, jobs: JobSettings | None = None, port: int = 0
) -> Iterator[httpx.Client]:
    """Serve the application on a loopback port, whatever the settings say, and give a client for it; 0: a free port.

    Tests ask what they have just changed: answers are not kept, unless a test is about that.
    """
    stop, api = threading.Event(), settings or ApiSettings()
    if "answer_age" not in api.model_fields_set:
        api = api.model_copy(update={"answer_age": timedelta(0)})
    with listen("127.0.0.1", port) as listener:
        server = Server(create_app(Settings(api=api, jobs=jobs or JobSettings()), broker), stop)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with httpx.Client(base_url=address(listener), timeout=10, trust_env=False) as client:
                yield client
        finally:
            stop.set()
            thread.join(10)
    assert not thread.is_alive(), "the server did not stop"
