"""How long a source is left alone after a failure: `Backoff`, and what a live feed makes of it as shipped."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from ingest.backoff import Backoff
from ingest.live_feed import LiveFeed
from ingest.sources.base import AuthFailed, Frame, SourceFailure, Unreachable
from moodline.settings import IngestSettings
from tests.ingest.test_live_feed import PIXELS

LONGEST_S = 3.0
REFUSED_S = 60.0


class Waits(threading.Event):
    """A wish to stop that lets no time pass, and comes after so many waits."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        if len(self.seconds) >= self._most:
            self.set()
        return self.is_set()


class Failing:
    """A source that gives frames at these seconds, and then fails."""

    def __init__(self, failure: SourceFailure, *frames_s: float) -> None:
        self._failure = failure
        self._frames_s = frames_s

    def open(self) -> None:
        """Nothing is to be opened."""

    def frames(self) -> Iterator[Frame]:
        for at_s in self._frames_s:
            yield Frame(0, PIXELS, 0, at_s, None)
        raise self._failure

    def close(self) -> None:
        """Nothing is open."""


def waits(source: Failing, most: int = 40) -> list[float]:
    """Return how long a feed with the shipped settings waits after each failure."""
    feed = LiveFeed(source, IngestSettings(), shown_url="rtsp://cam")
    feed._stop = stop = Waits(most)
    feed._run()
    return stop.seconds


def check_backoff(seconds: list[float]) -> None:
    assert seconds[0] <= 1.1, "a short outage is over soon"
    assert max(seconds) <= LONGEST_S
    assert min(seconds[8:]) >= 0.7 * LONGEST_S, "a server that stays away is spared"
    assert max(seconds[8:]) - min(seconds[8:]) > 0.1, "cameras do not knock in step"


def test_a_source_that_is_away_is_tried_again_within_three_seconds_and_not_in_step() -> None:
    check_backoff(waits(Failing(Unreachable("It is away."))))


def test_after_a_refused_password_it_waits_a_minute() -> None:
    seconds = waits(Failing(AuthFailed("It refuses.")))
    assert min(seconds) >= REFUSED_S
    assert max(seconds) <= 1.25 * REFUSED_S


def test_a_camera_that_breaks_off_after_each_frame_is_spared_and_one_that_was_well_is_not() -> None:
    check_backoff(waits(Failing(Unreachable("It broke off."), 1000.0)))
    assert max(waits(Failing(Unreachable("It broke off."), 1000.0, 1030.0))) <= 1.1


def test_a_success_begins_anew() -> None:
    backoff = Backoff(timedelta(seconds=LONGEST_S))
    assert [backoff.next_s() for _ in range(9)][-1] > 2
    backoff.reset()
    assert backoff.next_s() <= 1.1


@pytest.mark.parametrize("flat", [True, False])
def test_waits_are_as_long_as_they_are_asked_to_be(flat: bool) -> None:
    seconds = [Backoff(timedelta(milliseconds=10), flat=flat).next_s() for _ in range(20)]
    assert 0.0075 <= min(seconds) <= max(seconds) <= 0.0125
