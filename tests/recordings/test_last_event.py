"""The end of an analysis: the last event is waited for, however late it comes."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.event import latest_cursor
from moodline.recordings.checkpoint import new_checkpoint
from moodline.recordings.collect import Collector
from moodline.recordings.run import Options, Watch, _Session
from moodline.streams import StreamStatus
from tests.support.brokers import emptied, frame_of
from tests.support.judging import all_events, commit_all, take_one, work_queue
from tests.support.queues import reader_of


def judge_the_last_face(broker: Broker) -> None:
    queue = work_queue(broker)
    taken = take_one(queue)
    assert taken is not None
    commit_all(broker, queue, taken)
    queue.sweep()


def test_an_event_that_comes_just_after_the_last_look_is_not_left_behind(
    embedded_server: EmbeddedServer, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emptied(embedded_server) as broker:
        checkpoint = new_checkpoint(short, latest_cursor(broker), stream="lobby")
        reader = reader_of(broker, run="1")
        reader.enqueue(frame_of(0), age_ms=0)
        reader.release(StreamStatus("ended", "It was read to its end.", str(short), "recorded", position=1))
        look = Collector.poll

        def look_just_before(collector: Collector, block_ms: int | None) -> int:
            new = look(collector, block_ms)
            monkeypatch.setattr(Collector, "poll", look)
            judge_the_last_face(broker)
            return new

        monkeypatch.setattr(Collector, "poll", look_just_before)
        with Collector(broker, "lobby", tmp_path, after=checkpoint.cursor) as collector:
            session = _Session(Options(short, tmp_path), broker, checkpoint, collector, Watch())
            with closing(session):
                session.run(threading.Event())

        facts = session.facts()
        assert (facts.faces, facts.accepted, facts.missing) == (1, 1, 0)
        assert (tmp_path / "events.jsonl").read_text().count("\n") == len(all_events(broker)) == 3
