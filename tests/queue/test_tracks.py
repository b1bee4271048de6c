"""A face's life: it enters, its emotion changes without flicker, it leaves; summaries agree with the events."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.event import Event, latest_cursor, read_events
from moodline.keys import channel
from moodline.settings import SummarySettings
from moodline.streams import StreamStatus, stream_view
from moodline.summaries import summary, timeline
from tests.support.brokers import client_of, frame_of, live_stream
from tests.support.judging import RULES, all_events, judge, take_one, work_queue
from tests.support.wait import wait_until

START_MS = 1_763_800_000_000


def play(
    broker: Broker, emotions: Sequence[str], *, step_ms: int = 100, confidence: float = 0.9, run: str | None = None
) -> list[Event]:
    """Let one face show emotions, a frame each, and return all events; with `run` it is a recording."""
    lease = timedelta(seconds=60)
    stream = live_stream(max_age="1h")
    reader = Reader.acquire(broker, stream, owner="h", lease=lease, recorded=run is not None, run=run)
    queue = work_queue(broker)
    for number, emotion in enumerate(emotions):
        # frame_of adds 40 ms a frame itself
        reader.enqueue(frame_of(number, at_ms=START_MS + number * (step_ms - 40)), age_ms=0)
        taken = take_one(queue)
        assert taken is not None
        crops = [judge(broker, entry, emotion, confidence) for entry in taken.entries]
        queue.commit(taken.hand, crops, RULES, release=True)
    return all_events(broker)


def changes(events: Sequence[Event]) -> list[tuple[str | None, str]]:
    return [(event.previous, event.emotion) for event in events if event.kind == "emotion_changed"]


def test_a_face_enters_before_its_first_event(broker: Broker) -> None:
    kinds = [event.kind for event in play(broker, ["happy", "happy"])]
    assert kinds == ["face_entered", "emotion", "emotion"]


def test_a_single_odd_frame_does_not_change_the_smoothed_emotion(broker: Broker) -> None:
    events = play(broker, ["neutral"] * 8 + ["sad"] + ["neutral"] * 8)
    assert changes(events) == []
    assert {event.smoothed.emotion for event in events} == {"neutral"}
    assert {event.emotion for event in events} == {"neutral", "sad"}, "the raw answer is still told"


def test_a_real_change_is_told_once_and_soon(broker: Broker) -> None:
    events = play(broker, ["neutral"] * 10 + ["happy"] * 15)
    assert changes(events) == [("neutral", "happy")]
    (change,) = [event for event in events if event.kind == "emotion_changed"]
    assert change.frame - 10 < 10, "within a second of the change"


@pytest.mark.parametrize("step_ms", [50, 400])
def test_smoothing_depends_on_time_and_not_on_the_frame_rate(broker: Broker, step_ms: int) -> None:
    before, after = 2000 // step_ms, 400 // step_ms
    events = play(broker, ["neutral"] * before + ["happy"] * after, step_ms=step_ms)
    # 400 ms after the change, whatever the number of frames: 1 - exp(-0.4 / 0.7) of the way.
    assert events[-1].smoothed.confidence == pytest.approx(0.53, abs=0.06)


def test_without_smoothing_the_label_is_the_last_answer(broker: Broker) -> None:
    reader = Reader.acquire(broker, live_stream(), owner="h", lease=timedelta(seconds=60), recorded=False)
    queue, rules = work_queue(broker), replace(RULES, tau=timedelta(0), hysteresis=0)
    for number, emotion in enumerate(("happy", "sad", "sad")):
        # The same moment each time: nothing may be divided by the time between.
        reader.enqueue(frame_of(number, at_ms=START_MS - number * 40), age_ms=0)
        taken = take_one(queue)
        assert taken is not None
        queue.commit(taken.hand, [judge(broker, entry, emotion) for entry in taken.entries], rules, release=True)
    smoothed = [event.smoothed.emotion for event in all_events(broker) if event.kind == "emotion"]
    assert smoothed == ["happy", "sad", "sad"]


def test_workers_of_other_emotions_start_the_average_anew(broker: Broker) -> None:
    play(broker, ["happy"] * 3)
    reader = Reader.acquire(broker, live_stream(), owner="h", lease=timedelta(seconds=60), recorded=False)
    reader.enqueue(frame_of(0, at_ms=START_MS + 1000, tracks="t"), age_ms=0)
    queue = work_queue(broker)
    taken = take_one(queue)
    assert taken is not None
    two = replace(RULES, labels=("happy", "sad"))
    crops = [replace(judge(broker, entry), probabilities=[0.2, 0.8], label=1) for entry in taken.entries]
    assert queue.commit(taken.hand, crops, two, release=True) == 1
    assert all_events(broker)[-1].smoothed.emotion == "sad"
    view = stream_view(broker, "lobby")
    assert view is not None
    assert view.ledger.balanced


def test_what_is_no_event_in_the_feed_does_not_hide_the_others(broker: Broker) -> None:
    play(broker, ["happy"])
    client_of(broker).xadd(broker.keys_of("lobby").of_partition("feed"), {"event": b'{"schema":1,"confidence":-nan}'})
    play(broker, ["sad"])
    assert [event.emotion for event in all_events(broker) if event.kind == "emotion"] == ["happy", "sad"]


def test_a_track_that_comes_twice_has_ids_of_its_own_each_time(broker: Broker) -> None:
    for number in range(2):
        reader = Reader.acquire(broker, live_stream(), owner="h", lease=timedelta(seconds=60), recorded=False)
        reader.enqueue(frame_of(0, at_ms=START_MS + number * 60_000), age_ms=0)
        queue = work_queue(broker)
        taken = take_one(queue)
        assert taken is not None
        queue.commit(taken.hand, [judge(broker, entry) for entry in taken.entries], RULES, release=True)
        reader.release(StreamStatus("stopped", "Stopped.", "rtsp://camera.test", "live"))
        queue.sweep()
    ids = [event.id for event in all_events(broker)]
    assert len(ids) == 6
    assert len(set(ids)) == 6


def test_the_same_event_stands_in_the_feed_and_on_the_channel(broker: Broker) -> None:
    pubsub = client_of(broker).pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(channel("lobby"))
    pubsub.get_message(timeout=1)
    after = latest_cursor(broker)
    play(broker, ["happy"])
    heard = [wait_until(lambda: pubsub.get_message(timeout=0.1), description="a message") for _ in range(2)]
    feed = [event for _, event in read_events(broker, after=after)[0]]
    assert [Event.model_validate_json(message["data"]) for message in heard if message] == feed
    pubsub.close()


def test_sequence_numbers_have_no_gap_and_cursors_go_on_where_they_ended(broker: Broker) -> None:
    events = play(broker, ["happy"] * 12)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    first, cursor = read_events(broker, count=5)
    rest, _ = read_events(broker, after=cursor)
    assert [event for _, event in first + rest] == events
    with pytest.raises(ValueError, match="no cursor"):
        read_events(broker, after="rubbish")


def test_summaries_and_timelines_agree_with_the_events(broker: Broker) -> None:
    shown = ["happy"] * 30 + ["sad"] * 10
    events = [event for event in play(broker, shown, step_ms=1000, run="clip") if event.kind == "emotion"]
    settings = SummarySettings()
    whole = summary(broker, ["lobby"], settings, window=timedelta(minutes=15))
    counted = Counter(event.emotion for event in events)
    assert whole.faces == len(events) == 40
    assert {name: share.count for name, share in whole.emotions.items() if share.count} == counted
    assert whole.emotions["happy"].share == 0.75
    assert whole.emotions["happy"].mean_probability == pytest.approx((30 * 0.9 + 10 * 0.1 / 6) / 40, abs=1e-3)
    assert whole.tracks == 1
    assert whole.first_seen == events[0].captured_at
    assert whole.last_seen == events[-1].captured_at
    steps = timeline(broker, ["lobby"], settings, window=timedelta(minutes=5), step=timedelta(seconds=10))
    assert len(steps) == 30
    assert sum(step.faces for step in steps) == 40
    assert max(step.faces for step in steps) == 10


@pytest.mark.parametrize(
    ("window", "step", "says"),
    [
        (timedelta(0), timedelta(minutes=1), "longer than zero"),
        (timedelta(days=5000), timedelta(days=1), "longer than what is kept"),
        (timedelta(hours=1), timedelta(seconds=7), "multiple"),
    ],
)
def test_a_window_or_step_that_cannot_be_answered_says_why(
    broker: Broker, window: timedelta, step: timedelta, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        timeline(broker, ["lobby"], SummarySettings(), window=window, step=step)


def test_a_recording_whose_reader_ends_before_its_crops_are_done_keeps_no_face_open(broker: Broker) -> None:
    lease = timedelta(seconds=60)
    reader = Reader.acquire(broker, live_stream(), owner="h", lease=lease, recorded=True, run="picture")
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    reader.release(StreamStatus("ended", "The picture was read.", "face.jpg", "recorded"))
    queue = work_queue(broker)
    taken = take_one(queue)
    assert taken is not None
    queue.commit(taken.hand, [judge(broker, entry) for entry in taken.entries], RULES, release=True)
    queue.sweep()
    kinds = [event.kind for event in all_events(broker)]
    assert kinds.count("face_entered") == kinds.count("face_left") == 2


def test_a_face_that_is_not_seen_any_more_leaves(broker: Broker) -> None:
    play(broker, ["happy"] * 3)
    queue = work_queue(broker)

    def left() -> list[Event]:
        queue.sweep()
        return [event for event in all_events(broker) if event.kind == "face_left"]

    (event,) = wait_until(left, description="the face has left")
    assert (event.events, event.seen_ms, event.track) == (3, 200, "t-0")
    view = stream_view(broker, "lobby")
    assert view is not None
    assert view.open_tracks == 0
