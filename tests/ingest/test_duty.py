"""What a host has to read: a stream that failed for good is tried again when somebody has done something about it."""

import json
import time
from typing import Any

from ingest.duty import Duty
from ingest.roster import Snapshot
from moodline.declared import Declared
from moodline.settings import Settings, StreamSettings

FILM = {"id": "film", "url": "http://me:wrong@h/film.mp4"}


def stream(**settings: Any) -> StreamSettings:
    return StreamSettings.model_validate({**FILM, **settings})


def look(**declared: Declared) -> Snapshot:
    return Snapshot({}, {}, declared, time.monotonic() + 1.0, 0)


def to_start(duty: Duty, snapshot: Snapshot) -> list[str]:
    duty.update(snapshot)
    return [wanted.stream.id for wanted in duty.to_start()]


def failed(*streams: StreamSettings) -> Duty:
    """Return the duty of a host whose stream, the first of these, has failed for good."""
    duty = Duty("h/1", Settings(streams=streams), file="f.yaml")
    assert to_start(duty, look()) == ["film"]
    duty.over(streams[0], None, failed=True, ended=False)
    assert to_start(duty, look()) == [], "nothing has changed"
    return duty


def test_a_corrected_password_is_tried() -> None:
    duty = failed(stream())
    assert duty.all_ended
    duty.of_file = (stream(url="http://me:right@h/film.mp4"),)
    assert to_start(duty, look()) == ["film"]


def test_after_a_pause_it_is_tried_again() -> None:
    duty = failed(stream())
    duty.of_file = (stream(enabled=False),)
    assert to_start(duty, look()) == []
    duty.of_file = (stream(),)
    assert to_start(duty, look()) == ["film"]


def test_a_stream_of_run_time_that_was_removed_and_added_again_is_tried() -> None:
    def added(at: str) -> Declared:
        return Declared.of("film", json.dumps({"settings": {"id": "film", "url": "demo"}, "added_at": at}))

    duty = Duty("h/1", Settings.model_validate({"api": {"stream_sources": ["demo"]}}), file="f.yaml")
    assert to_start(duty, look(film=added("now"))) == ["film"]
    duty.over(stream(url="demo"), added("now").text, failed=True, ended=False)
    assert to_start(duty, look(film=added("now"))) == []
    assert to_start(duty, look(film=added("later"))) == ["film"]
