"""What `moodline up` knows of its streams, also in a Redis that knew them before."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.purge import remove_stream
from moodline.settings import StreamSettings
from moodline.streams import StreamState, StreamStatus
from moodline.up.monitor import Monitor
from moodline.up.summary import NoEventsError, print_summary, require_events
from moodline.up.view import LiveView
from tests.support.brokers import frame_of
from tests.support.judging import commit_all, drop_as, take_one, work_queue

STREAM = StreamSettings.model_validate({"id": "lobby", "url": "clip.mp4"})


def status(state: StreamState, *, frames: int = 0) -> StreamStatus:
    return StreamStatus(state, f"It is {state}.", "clip.mp4", "recorded", frames=frames)


class Recording:
    """A recording that is read from its beginning; another one of the stream begins anew."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._frame = 0
        lease = timedelta(seconds=60)
        self._reader = Reader.acquire(broker, STREAM, owner="test", lease=lease, recorded=True, run="clip")
        self._reader.report(status("live"))

    def read(self, frames: int, *, faces: int = 1) -> None:
        """Read frames in which a face is seen; with the last of them it leaves."""
        for left in reversed(range(frames)):
            frame = frame_of(self._frame, faces=faces)
            gone = () if left else tuple(crop.track for crop in frame.crops)
            self._reader.enqueue(replace(frame, ended_tracks=gone), age_ms=0)
            self._frame += 1

    def classify(self) -> None:
        queue = work_queue(self._broker)
        while taken := take_one(queue):
            commit_all(self._broker, queue, taken)
        queue.sweep()

    def drop(self) -> None:
        queue = work_queue(self._broker)
        taken = take_one(queue)
        assert taken is not None
        assert drop_as(queue, taken.hand, taken.entries[0], "no face at all")

    def end(self, state: StreamState = "ended") -> None:
        self._reader.release(status(state, frames=self._frame))


@pytest.fixture
def monitor(broker: Broker) -> Monitor:
    return Monitor(broker, ["lobby"])


def look(monitor: Monitor) -> Monitor:
    """Read everything that is there now."""
    while monitor.poll(block_ms=1):
        pass
    monitor.refresh()
    return monitor


def test_a_recording_is_finished_when_its_last_face_is_done(broker: Broker, monitor: Monitor) -> None:
    assert not look(monitor).finished
    recording = Recording(broker)
    recording.read(frames=3)
    recording.end()
    assert not look(monitor).finished  # three faces still wait
    recording.classify()
    assert look(monitor).finished
    assert monitor.tally.of("lobby").events == monitor.ledger("lobby").events == 3


def test_a_file_that_cannot_be_read_is_finished_too(broker: Broker, monitor: Monitor) -> None:
    Recording(broker).end("not_found")
    assert look(monitor).finished


def test_an_earlier_run_in_the_same_redis_does_not_count(broker: Broker) -> None:
    earlier = Recording(broker)
    earlier.read(frames=2)
    earlier.classify()
    earlier.end()
    monitor = look(Monitor(broker, ["lobby"]))
    assert not monitor.finished  # it has not been opened in this run
    assert monitor.ledger("lobby").accepted == 0
    again = Recording(broker)
    again.read(frames=3)
    again.classify()
    assert look(monitor).tally.of("lobby").events == 3
    assert (monitor.ledger("lobby").accepted, monitor.ledger("lobby").events) == (3, 3)


def test_what_waited_from_before_is_part_of_the_sum(broker: Broker) -> None:
    recording = Recording(broker)
    recording.read(frames=2)
    monitor = Monitor(broker, ["lobby"])
    again = Recording(broker)
    again.classify()
    ledger = look(monitor).ledger("lobby")
    assert ledger.accepted == ledger.events == 2


def test_streams_that_are_added_are_followed_on_a_server_of_its_own(broker: Broker) -> None:
    alone, following = Monitor(broker, ["door"]), Monitor(broker, ["door"], added=True)
    recording = Recording(broker)  # of the stream lobby
    recording.read(frames=3)
    recording.classify()
    assert look(following).streams == ["door", "lobby"]
    assert following.tally.of("lobby").events == following.ledger("lobby").events == 3
    assert look(alone).streams == ["door"]
    assert alone.tally.events == 0
    recording.end()
    remove_stream(broker, "lobby")
    assert look(following).streams == ["door"]
    assert not following.finished, "what was asked for first has not begun"


def test_the_live_view_shows_streams_newest_events_and_log_lines(broker: Broker, monitor: Monitor) -> None:
    recording = Recording(broker)
    recording.read(frames=3)
    recording.classify()
    screen = io.StringIO()
    view = LiveView(Console(file=screen, force_terminal=True, width=120), "moodline")
    view.log("worker", "The model is ready.")
    view.update(look(monitor), [])
    view.close()
    shown = screen.getvalue()
    for part in ("lobby", "live", "happy 100%", "lobby  t-0  happy 94% (steady: happy)", "The model is ready."):
        assert part in shown


def test_the_view_says_what_is_wrong_with_a_stream(broker: Broker, monitor: Monitor) -> None:
    Recording(broker).end("auth_failed")
    screen = io.StringIO()
    view = LiveView(Console(file=screen, force_terminal=True, width=120), "moodline")
    view.update(look(monitor), [])
    view.close()
    assert "It is auth_failed." in screen.getvalue()


def test_recordings_without_a_face_are_a_success(
    broker: Broker, monitor: Monitor, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = Recording(broker)
    recording.read(frames=4, faces=0)
    recording.end()
    require_events(look(monitor), ["lobby"])
    print_summary(monitor, ["lobby"], 2.0)
    assert "no faces were found" in capsys.readouterr().out


def test_no_event_from_a_stream_that_could_not_be_read_is_a_failure(broker: Broker, monitor: Monitor) -> None:
    with pytest.raises(NoEventsError, match="lobby was never opened"):
        require_events(look(monitor), ["lobby"])
    Recording(broker).end("unsupported")
    with pytest.raises(NoEventsError, match=r"lobby is unsupported \(It is unsupported\)\.$"):
        require_events(look(monitor), ["lobby"])


def test_the_summary_names_why_faces_were_dropped(
    broker: Broker, monitor: Monitor, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = Recording(broker)
    recording.read(frames=2)
    recording.classify()
    recording.read(frames=1)
    recording.drop()
    recording.end()
    print_summary(look(monitor), ["lobby"], 2.0)
    assert "lobby: accepted 3 = 2 events + 1 dropped [1 poison] + 0 queued (balanced)" in capsys.readouterr().out
