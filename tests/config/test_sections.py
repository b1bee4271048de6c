"""What must hold between settings."""

import pytest
from pydantic import SecretStr

from moodline.emotions import EMOTIONS
from moodline.settings import Settings, StreamSettings, WorkerSettings
from tests.config.conftest import Errors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api: {port: 9101}", "api.port: 9101 is also ingest.metrics_port; give each its own port"),
        ("worker: {metrics_port: 9101}", "worker.metrics_port: 9101 is also ingest.metrics_port"),
        ("ingest: {metrics_port: 8080}", "api.port: 8080 is also ingest.metrics_port"),
        ("worker: {emotions: [happy]}", "worker.emotions: needs at least 2 emotions"),
        ("worker: {emotions: []}", "worker.emotions: needs at least 2 emotions"),
        ("worker: {emotions: [happy, sad, happy]}", "worker.emotions: names happy more than once"),
        ("streams: [{id: a, url: demo, loop: true}]", "streams[0].loop: is only for recorded sources"),
        ("streams: [{id: a, url: 0, realtime: true}]", "streams[0].realtime: is only for recorded sources"),
        (
            "streams: [{id: a, url: 'rtsp://h', start_at: '2024-05-01T08:00:00Z'}]",
            "streams[0].start_at: is only for recorded sources",
        ),
        ("streams: [{id: a, url: demo, fps: null}]", "streams[0].fps: must be a number for a live source"),
        ("streams: [{id: a, url: demo, transport: udp}]", "streams[0].transport: is only for rtsp://"),
        (
            "streams: [{id: a, url: demo, labels: {Site: x}}]",
            "streams[0].labels: must be names of small letters",
        ),
        ("summaries: {resolutions: []}", "summaries.resolutions: must have at least this many items: 1"),
        (
            "summaries: {resolutions: [{step: 10s, keep: 5s}]}",
            "resolutions[0].keep: is shorter than its step (10s)",
        ),
        (
            "summaries: {resolutions: [{step: 1500ms, keep: 1h}]}",
            "resolutions[0].step: must be whole seconds",
        ),
        (
            "summaries: {resolutions: [{step: 1m, keep: 1h}, {step: 10s, keep: 2h}]}",
            "resolutions[1].step: must be longer than the one before (1m)",
        ),
        (
            "summaries: {resolutions: [{step: 10s, keep: 1h}, {step: 15s, keep: 2h}]}",
            "resolutions[1].step: must be a multiple of the one before (10s)",
        ),
        (
            "summaries: {resolutions: [{step: 10s, keep: 1h}, {step: 1m, keep: 1h}]}",
            "resolutions[1].keep: must be longer than that of the one before (1h)",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_named(errors: Errors, text: str, expected: str) -> None:
    (line,) = errors(text)
    assert expected in line


@pytest.mark.parametrize(
    "text",
    [
        "streams: [{id: a, url: clip.mp4, loop: true, realtime: true}]",
        "streams: [{id: a, url: clip.mp4, start_at: '2024-05-01T10:00:00+02:00'}]",
        "streams: [{id: a, url: demo, loop: false}]",
        "streams: [{id: a, url: 'rtsp://h', transport: udp}]",
        "streams: [{id: a, url: clip.mp4, fps: 0.1}]",
        "streams: [{id: a, url: demo, fps: 0.2, track_timeout: 10s}]",
        "api: {port: 0}\nworker: {metrics_port: 0}\ningest: {metrics_port: 0}",
        "summaries: {resolutions: [{step: 1h, keep: 1h}]}",
    ],
)
def test_settings_that_fit_together_are_accepted(errors: Errors, text: str) -> None:
    assert errors(text) == []


def test_a_live_source_has_a_rate_and_a_recorded_one_every_frame() -> None:
    assert StreamSettings(id="a", url=SecretStr("demo")).fps == 5
    assert StreamSettings(id="a", url=SecretStr("clip.mp4")).fps is None


def test_all_emotions_may_be_named() -> None:
    assert WorkerSettings(emotions=EMOTIONS).emotions == EMOTIONS


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().api.port = 1  # type: ignore[misc]


def test_duplicate_ids_are_found_in_settings_made_in_code_too() -> None:
    stream = StreamSettings(id="a", url=SecretStr("demo"))
    with pytest.raises(ValueError, match="is also the id of"):
        Settings(streams=(stream, stream))
