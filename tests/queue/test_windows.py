"""Summaries over any window count what the events say, whichever resolutions their buckets come from."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from moodline.broker import Broker
from moodline.emotions import Emotion
from moodline.event import Event
from moodline.settings import SummarySettings
from moodline.settings.summaries import Resolution
from moodline.summaries import summary, timeline
from tests.api.stage import Scene
from tests.support.brokers import client_of
from tests.support.judging import all_events

STEP = timedelta(seconds=10)
HOURS = 3
MOODS: tuple[Emotion, ...] = ("happy", "sad", "neutral")


@pytest.fixture
def events(broker: Broker) -> list[Event]:
    """Faces of two streams at random moments of the last hours, in the order of time."""
    scene, choose = Scene(broker), random.Random(5)
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    moments = sorted(choose.sample(range(HOURS * 3_600_000), 150), reverse=True)
    for before_ms in moments:
        emotion: Emotion = choose.choice(MOODS)
        scene.see(choose.choice(("door", "hall")), emotion, at_ms=now_ms - before_ms)
    return [event for event in all_events(broker) if event.kind == "emotion"]


def floor(moment: datetime, step: timedelta = STEP) -> datetime:
    return moment - (moment - datetime(1970, 1, 1, tzinfo=UTC)) % step


def kept(*steps: timedelta) -> SummarySettings:
    return SummarySettings(
        resolutions=tuple(Resolution(step=step, keep=timedelta(days=9 + number)) for number, step in enumerate(steps))
    )


FINE = kept(STEP)
MANY = kept(STEP, timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))


@pytest.mark.parametrize("settings", [FINE, MANY], ids=["one resolution", "four resolutions"])
def test_a_window_between_any_two_moments_counts_its_events(
    broker: Broker, events: list[Event], settings: SummarySettings
) -> None:
    choose, last = random.Random(6), events[-1].captured_at
    for _ in range(25):
        until = last - timedelta(seconds=choose.uniform(0, 3600))
        window = timedelta(seconds=choose.uniform(10, 7000))
        found = summary(broker, ["door", "hall"], settings, window=window, until=until)

        assert (found.start, found.end) == (floor(until - window), floor(until - timedelta(milliseconds=1)) + STEP)
        inside = [event for event in events if found.start <= event.captured_at < found.end]
        assert {name: one.count for name, one in found.emotions.items() if one.count} == Counter(
            event.emotion for event in inside
        )
        assert found.tracks == len({event.stream for event in inside}), "one face a stream"
        assert found.first_seen == min((event.captured_at for event in inside), default=None)


def test_steps_of_a_timeline_count_their_events(broker: Broker, events: list[Event]) -> None:
    for step in (timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=7), timedelta(hours=1)):
        steps = timeline(broker, ["door", "hall"], MANY, window=timedelta(hours=HOURS), step=step)
        for one in steps:
            assert one.faces == sum(one.start <= event.captured_at < one.end for event in events), step


def test_a_resolution_that_was_added_later_hides_nothing(broker: Broker, events: list[Event]) -> None:
    coarse = [
        key for key in client_of(broker).scan_iter("*:sum:*", count=1000) if key.split(b":")[-2] in {b"3600", b"86400"}
    ]
    assert sum(client_of(broker).delete(key) for key in coarse) >= HOURS

    found = summary(broker, ["door", "hall"], MANY, window=timedelta(hours=HOURS + 1))

    assert found.faces == len(events)
