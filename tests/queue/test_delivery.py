"""Every accepted crop leaves as exactly one event or one counted drop, in the order of its stream."""

from typing import Any

import pytest

from moodline.broker import Broker
from moodline.errors import BrokerUnavailableError, HandLostError, LeaseHeldError, LeaseLostError
from moodline.streams import Ledger, StreamStatus, stream_view
from tests.support.brokers import client_of, frame_of
from tests.support.judging import all_events, commit_all, emotion_ids, sweep_and_take, take_one, work_queue
from tests.support.queues import ledger_of, reader_of
from tests.support.wait import wait_until


def test_crops_become_events_in_order_and_the_ledger_is_balanced_at_every_step(any_broker: Broker) -> None:
    reader, queue = reader_of(any_broker), work_queue(any_broker)
    for number in range(5):
        reader.enqueue(frame_of(number, faces=2), age_ms=3)
        assert ledger_of(any_broker).queued == 2 * (number + 1)
    taken = take_one(queue)
    assert taken is not None
    assert ledger_of(any_broker).queued == 10
    assert commit_all(any_broker, queue, taken) == 10
    assert ledger_of(any_broker).events == 10
    assert emotion_ids(any_broker) == [reader.crop_id(frame, face) for frame in range(5) for face in range(2)]


def test_a_frame_that_is_sent_again_after_a_lost_reply_adds_nothing(any_broker: Broker) -> None:
    reader = reader_of(any_broker)
    assert reader.enqueue(frame_of(7, faces=3), age_ms=0).status == "accepted"
    assert reader.enqueue(frame_of(7, faces=3), age_ms=0).status == "duplicate"
    assert ledger_of(any_broker).accepted == 3


def test_a_commit_that_is_sent_again_publishes_nothing_twice(any_broker: Broker) -> None:
    reader, queue = reader_of(any_broker), work_queue(any_broker)
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    taken = take_one(queue)
    assert taken is not None
    assert commit_all(any_broker, queue, taken, release=False) == 2
    assert commit_all(any_broker, queue, taken) == 0, "the hand is still held, but the crops are gone"
    with pytest.raises(HandLostError):
        commit_all(any_broker, queue, taken)
    assert ledger_of(any_broker).events == 2
    assert len(emotion_ids(any_broker)) == 2


def test_a_reply_that_is_lost_is_answered_by_asking_again(any_broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, queue = reader_of(any_broker), work_queue(any_broker)
    lose_each_first_reply(any_broker, monkeypatch)
    assert reader.enqueue(frame_of(0, faces=2), age_ms=0).status == "duplicate"
    monkeypatch.undo()
    taken = take_one(queue)
    assert taken is not None
    lose_each_first_reply(any_broker, monkeypatch)
    assert commit_all(any_broker, queue, taken, release=False) == 0
    monkeypatch.undo()
    assert len(emotion_ids(any_broker)) == 2
    assert ledger_of(any_broker).events == 2


def lose_each_first_reply(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each first call reach the server and its answer get lost."""
    real, calls = broker.run, iter(range(1000))

    def run(*args: Any, **kwargs: Any) -> Any:
        reply = real(*args, **kwargs)
        if next(calls) == 0:
            raise BrokerUnavailableError("the reply was lost")
        return reply

    monkeypatch.setattr(broker, "run", run)


def test_a_stream_is_in_one_workers_hands_at_a_time(any_broker: Broker) -> None:
    reader = reader_of(any_broker)
    reader.enqueue(frame_of(0), age_ms=0)
    first = take_one(work_queue(any_broker, "w1"))
    reader.enqueue(frame_of(1), age_ms=0)
    assert first is not None
    assert take_one(work_queue(any_broker, "w2")) is None
    commit_all(any_broker, work_queue(any_broker, "w1"), first)
    second = take_one(work_queue(any_broker, "w2"))
    assert second is not None
    assert len(second.entries) == 1


def test_a_dead_workers_crops_are_taken_over_and_it_can_commit_nothing_any_more(any_broker: Broker) -> None:
    reader = reader_of(any_broker)
    reader.enqueue(frame_of(0, faces=3), age_ms=0)
    dead, heir = work_queue(any_broker, "dead", lease_s=0.1), work_queue(any_broker, "heir")
    lost = take_one(dead)
    assert lost is not None
    ids = []
    for _ in range(3):
        taken = sweep_and_take(heir)
        assert taken.alone, "crops that saw their worker die run alone"
        assert len(taken.entries) == 1
        ids.append(taken.entries[0].id)
        commit_all(any_broker, heir, taken)
    assert ids == [entry.id for entry in lost.entries]
    with pytest.raises(HandLostError):
        commit_all(any_broker, dead, lost)
    assert emotion_ids(any_broker) == [reader.crop_id(0, face) for face in range(3)]
    assert ledger_of(any_broker) == Ledger(3, 3, dict.fromkeys(ledger_of(any_broker).dropped, 0), 0)


def test_only_deaths_alone_count_against_a_crop(any_broker: Broker) -> None:
    reader = reader_of(any_broker)
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    take_one(work_queue(any_broker, "w0", lease_s=0.05))
    attempts = []
    for number in range(1, 4):
        queue = work_queue(any_broker, f"w{number}", lease_s=0.05)
        taken = sweep_and_take(queue)
        attempts.append((taken.entries[0].id, taken.attempts))
    first = attempts[0][0]
    assert attempts == [(first, 1), (first, 2), (first, 3)]


def test_a_suspect_waits_until_its_worker_has_nothing_else_in_work(any_broker: Broker) -> None:
    reader = reader_of(any_broker)
    reader.enqueue(frame_of(0), age_ms=0)
    take_one(work_queue(any_broker, "dead", lease_s=0.05))
    heir = work_queue(any_broker, "heir")

    def busy_take() -> bool:
        heir.sweep()
        take = heir.take(room=8, held={}, per_stream=8, alone_ok=False)
        assert not take.taken
        return take.alone_waits == 1

    wait_until(busy_take, description="the suspect is announced")
    taken = take_one(heir)
    assert taken is not None
    assert taken.alone


def test_a_late_reader_is_refused(any_broker: Broker) -> None:
    late = reader_of(any_broker, owner="a")
    with pytest.raises(LeaseHeldError, match="is being read by a"):
        reader_of(any_broker, owner="b")
    fresh = reader_of(any_broker, owner="a")
    with pytest.raises(LeaseLostError):
        late.enqueue(frame_of(0), age_ms=0)
    with pytest.raises(LeaseLostError):
        late.renew()
    assert fresh.enqueue(frame_of(0), age_ms=0).crops == 1
    assert int(fresh.token, 36) > int(late.token, 36)
    assert ledger_of(any_broker).accepted == 1


def test_a_restarted_reader_of_a_recording_goes_on_after_the_last_accepted_frame(any_broker: Broker) -> None:
    reader = reader_of(any_broker, run="clip")
    reader.enqueue(frame_of(0), age_ms=0)
    reader.enqueue(frame_of(1, faces=0), age_ms=0)
    again = reader_of(any_broker, run="clip")
    assert again.resume_frame == 1
    assert again.crop_id(0, 0) == reader.crop_id(0, 0)
    assert again.enqueue(frame_of(1), age_ms=0).status == "duplicate"
    again.release(StreamStatus("ended", "The recording has ended.", "clip.mp4", "recorded"))
    afresh = reader_of(any_broker, run="clip")
    assert afresh.resume_frame == -1
    assert afresh.crop_id(0, 0) != reader.crop_id(0, 0), "a second reading of a file has events of its own"


def test_a_take_whose_reply_was_lost_loses_no_crop_and_keeps_the_order(any_broker: Broker) -> None:
    reader, queue = reader_of(any_broker), work_queue(any_broker)
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    lost = take_one(queue)
    assert lost is not None  # the worker never sees this reply
    reader.enqueue(frame_of(1), age_ms=0)
    taken = take_one(queue)
    assert taken is not None
    assert [entry.id for entry in taken.entries][:2] == [entry.id for entry in lost.entries]
    assert len(taken.entries) == 3
    assert not taken.alone


def test_every_face_entered_gets_its_face_left(any_broker: Broker) -> None:
    reader, queue = reader_of(any_broker), work_queue(any_broker)
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    taken = take_one(queue)
    assert taken is not None
    commit_all(any_broker, queue, taken)
    reader.release(StreamStatus("stopped", "Stopped.", "rtsp://camera.test", "live"))
    queue.sweep()
    kinds = [(event.kind, event.track) for event in all_events(any_broker)]
    assert kinds.count(("face_entered", "t-0")) == kinds.count(("face_left", "t-0")) == 1
    assert kinds.count(("face_entered", "t-1")) == kinds.count(("face_left", "t-1")) == 1


def test_a_release_whose_reply_was_lost_can_be_sent_again(any_broker: Broker) -> None:
    reader = reader_of(any_broker, run="clip")
    ended = StreamStatus("ended", "The recording has ended.", "clip.mp4", "recorded")
    reader.release(ended)
    reader.release(ended)


def test_entries_pushed_or_deleted_by_hand_are_in_the_ledger_at_once(any_broker: Broker) -> None:
    reader, queue = reader_of(any_broker), work_queue(any_broker)
    reader.enqueue(frame_of(0), age_ms=0)
    name = any_broker.keys_of("lobby").of_stream("queue", "lobby")
    ((_, fields),) = client_of(any_broker).xrange(name)
    client_of(any_broker).xadd(name, fields)
    assert ledger_of(any_broker).accepted == 2
    taken = take_one(queue)
    assert taken is not None
    assert ledger_of(any_broker).queued == 2
    client_of(any_broker).xdel(name, taken.entries[1].id)
    assert ledger_of(any_broker).dropped["removed"] == 1
    commit_all(any_broker, queue, taken)
    assert ledger_of(any_broker).events == 1
    assert client_of(any_broker).hget(any_broker.keys_of("lobby").of_partition("state"), "bytes") == b"0"


def test_a_removed_stream_leaves_nothing_but_its_share_of_the_total(any_broker: Broker) -> None:
    reader = reader_of(any_broker)
    reader.enqueue(frame_of(0, faces=3), age_ms=0)
    keys = any_broker.keys_of("lobby")
    assert any_broker.run("remove", keys, stream="lobby", limit=2, feed_max=100) == 1
    assert ledger_of(any_broker).dropped["removed"] == 2
    assert any_broker.run("remove", keys, stream="lobby", limit=2, feed_max=100) == 0
    assert stream_view(any_broker, "lobby") is None
    assert client_of(any_broker).hget(keys.of_partition("state"), "removed:accepted") == b"3"
    assert not client_of(any_broker).keys("*lobby*")
    with pytest.raises(LeaseLostError):
        reader.enqueue(frame_of(1), age_ms=0)
