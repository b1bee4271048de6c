"""The feed of a live source: newest frame only, and back again after every failure."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from ingest.live_feed import LiveFeed, SourceHungError
from ingest.pace import LEAST
from ingest.rate import Sampling
from ingest.sources.base import AuthFailed, Frame, NotFound, SourceFailure, Stalled, Unreachable, live_frame
from moodline.settings import IngestSettings
from moodline.streams import StreamStatus
from tests.support.wait import wait_until

PIXELS = np.zeros((4, 4, 3), np.uint8)
SETTINGS = IngestSettings(backoff_max=timedelta(milliseconds=50), read_timeout=timedelta(milliseconds=300))

Step = int | SourceFailure | Exception | threading.Event


class Scripted:
    """A source that plays a script: a number of frames, an error, or a wait for an event."""

    def __init__(self, *steps: Step) -> None:
        self._steps = iter(steps)
        self._number = 0
        self.opened = 0
        self.closed = 0

    def open(self) -> None:
        self.opened += 1

    def frames(self) -> Iterator[Frame]:
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, threading.Event):
                step.wait(10)
                continue
            for _ in range(step):
                yield live_frame(self._number, PIXELS)
                self._number += 1
        raise Unreachable("The script is over.")

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def feed() -> Iterator[Callable[..., LiveFeed]]:
    """Make feeds that are closed in the end."""
    feeds: list[LiveFeed] = []

    def make(source: Any, settings: IngestSettings = SETTINGS) -> LiveFeed:
        feeds.append(LiveFeed(source, settings, shown_url="rtsp://cam"))
        return feeds[-1]

    yield make
    for made in feeds:
        made.close()


def numbers(feed: LiveFeed, count: int) -> list[int]:
    """Return the numbers of the next frames."""
    found: list[int] = []
    for frame in feed.frames_or_none():
        if frame is not None:
            found.append(frame.number)
        if len(found) == count:
            break
    return found


def test_a_slow_reader_gets_the_newest_frame_and_misses_the_others(feed: Any) -> None:
    end = threading.Event()
    live = feed(Scripted(100, end))
    frames = live.frames_or_none()
    next(frames)
    wait_until(lambda: live.frames == 100, description="all are read")
    last = [frame.number for frame in (next(frames),) if frame is not None]
    assert last in ([99], [])
    taken = live.frames - live.missed
    assert taken <= 3
    end.set()


def test_it_connects_again_after_a_failure_and_numbers_go_on(feed: Any) -> None:
    gate, end = threading.Event(), threading.Event()
    source = Scripted(1, gate, Stalled("It stopped."), 1, end)
    live = feed(source)
    assert live.condition.state == "connecting"
    frames = (frame for frame in live.frames_or_none() if frame is not None)
    assert next(frames).number == 0
    assert live.condition.state == "live"
    gate.set()
    assert next(frames).number == 1
    assert live.condition.state == "live"
    assert live.reconnects == 1
    assert source.closed == 1
    end.set()


@pytest.mark.parametrize(
    ("failure", "before", "after"),
    [
        (Unreachable("Nothing listens."), "connecting", "stalled"),
        (NotFound("It is not there."), "not_found", "not_found"),
        (AuthFailed("It refuses."), "auth_failed", "auth_failed"),
    ],
)
def test_a_failure_shows_whether_the_source_was_ever_live(
    feed: Any, failure: SourceFailure, before: str, after: str
) -> None:
    for steps, state in (((failure,), before), ((1, failure), after)):
        live = feed(Scripted(*steps), IngestSettings(backoff_max=timedelta(minutes=1)))
        for _ in live.frames_or_none():
            if live.condition.sentence == str(failure):
                break
        assert live.condition.state == state


def test_a_refused_password_is_not_tried_again_soon(feed: Any) -> None:
    source = Scripted(AuthFailed("It refuses."), NotFound("never reached"))
    live = feed(source)
    frames = live.frames_or_none()
    for _ in range(5):  # a second
        next(frames)
    assert live.condition.state == "auth_failed"
    assert source.opened == 1


def test_even_an_unforeseen_error_of_opencv_is_survived(feed: Any) -> None:
    end = threading.Event()
    live = feed(Scripted(ValueError("OpenCV is upset"), 1, end))
    assert numbers(live, 1) == [0]
    end.set()


def test_what_opencv_says_shows_no_password(feed: Any) -> None:
    live = feed(Scripted(ValueError("no rtsp://me:s3cret@cam/1?token=s3cret")), IngestSettings())
    next(live.frames_or_none())
    wait_until(lambda: "broke off" in live.condition.sentence, description="it has failed")
    assert "no rtsp://***@cam/1" in live.condition.sentence
    assert "s3cret" not in live.condition.sentence
    told = StreamStatus("stalled", "It says rtsp://me:s3cret@cam/1.", "rtsp://***@cam/1", "live").to_json()
    assert "s3cret" not in told


def test_a_source_that_goes_silent_is_stalled(feed: Any) -> None:
    end = threading.Event()
    live = feed(Scripted(1, end))
    assert numbers(live, 1) == [0]
    wait_until(lambda: live.condition.state == "stalled", description="it is stalled", timeout=3)
    assert live.condition.sentence.startswith("rtsp://cam has given no frame for")
    end.set()


class Clock:
    """Time that only a test lets pass."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.mark.parametrize("grabbed", [True, False])
def test_a_slow_camera_that_is_looked_at_even_less_often_is_not_stalled(
    monkeypatch: pytest.MonkeyPatch, *, grabbed: bool
) -> None:
    clock = Clock()
    sampling = Sampling(1.0 * LEAST)
    live = LiveFeed(Scripted(), IngestSettings(), shown_url="rtsp://cam", slowest_s=1.0, seen_s=lambda: sampling.seen_s)
    monkeypatch.setattr("ingest.live_feed.time", clock)
    if not grabbed:  # a source that gives no more than is wanted
        live.slowest(1.0 / LEAST)
    live._put(Frame(0, PIXELS, 0, clock.now_s, None))
    for _ in range(9):
        clock.now_s += 1.0
        if grabbed:
            sampling(clock.now_s)
        assert live.condition.state == "live"
    clock.now_s += 40.0
    assert live.condition.state == "stalled"


def test_a_call_that_never_comes_back_is_told_and_holds_up_no_end(feed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.live_feed._HUNG_GRACE_S", 0.0)
    quick = timedelta(milliseconds=50)
    end = threading.Event()
    live = feed(Scripted(end), IngestSettings(open_timeout=quick, read_timeout=quick))
    with pytest.raises(SourceHungError, match="rtsp://cam hangs"):
        numbers(live, 1)
    end.set()
