"""What a configuration file means, and how its errors are named."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moodline.config.check import check_config
from moodline.errors import ConfigError
from moodline.settings import Settings, load_settings
from tests.config.conftest import Errors, Load, Write


def test_without_a_file_there_are_the_defaults() -> None:
    assert load_settings(None, {}) == Settings()
    assert Settings().worker.batch_wait == timedelta(milliseconds=2)
    assert Settings().streams == ()


@pytest.mark.parametrize("text", ["", "# nothing\n", "worker:\nlog:\nstreams:\n", "---\n"])
def test_an_empty_file_and_empty_sections_are_the_defaults(load: Load, text: str) -> None:
    assert load(text) == Settings()


def test_values_are_read_from_the_file(load: Load) -> None:
    settings = load("""
streams:
  - id: door
    url: rtsp://camera/1
    max_age: 500ms
    max_bytes: 2MiB
    labels: {site: shop}
  - id: 7
    url: 0
  - {id: party, url: party.mp4, start_at: 2024-05-01T20:00:00Z, fps: null}
worker: {emotions: [angry, happy]}
""")
    door, webcam, party = settings.streams
    assert (door.max_age, door.max_bytes, door.labels) == (
        timedelta(seconds=0.5),
        2 * 1024**2,
        {"site": "shop"},
    )
    assert (webcam.id, webcam.kind, webcam.fps) == ("7", "webcam", 5)
    assert (party.recorded, party.fps, party.start_at) == (True, None, datetime(2024, 5, 1, 20, tzinfo=UTC))
    assert settings.worker.emotions == ("angry", "happy")


def test_words_that_yaml_likes_to_twist_stay_words(load: Load) -> None:
    (stream,) = load("streams: [{id: no, url: demo, labels: {room: 007, open: on, at: 1:30, floor: 2}}]").streams
    assert (stream.id, stream.labels) == ("no", {"room": "007", "open": "on", "at": "1:30", "floor": "2"})


def test_anchors_and_merges_work(load: Load) -> None:
    settings = load("""
streams:
  - &first {id: a, url: demo, fps: 2, detect_width: 320}
  - {<<: *first, id: b, fps: 3}
""")
    assert [(stream.id, stream.fps, stream.detect_width) for stream in settings.streams] == [
        ("a", 2, 320),
        ("b", 3, 320),
    ]


def test_three_errors_are_named_in_one_go_with_their_lines(errors: Errors) -> None:
    text = """\
streams:
  - id: door
    url: rtsp://camera/1
    fps: many
  - id: door
    url: demo
    detectr: yunet
"""
    assert errors(text) == [
        "moodline.yaml:4: streams[0].fps: must be a number",
        "moodline.yaml:5: streams[1].id: is also the id of streams[0]; give each stream its own",
        "moodline.yaml:7: streams[1].detectr: is not a known setting; did you mean detector?",
    ]


def test_errors_of_every_kind_come_together(errors: Errors) -> None:
    lines = errors(
        """\
redis:
  url: ${NOWHERE}
api:
  port: 99999
streams:
  - id: a
worker:
  batch_size: 2
  batch_size: 3
""",
        {"MOODLINE_LOG__LEVEL": "loud"},
    )
    assert lines == [
        (
            "moodline.yaml:2: redis.url: the environment variable NOWHERE is not set; set it, or give a "
            "default: ${NOWHERE:-default}"
        ),
        "moodline.yaml:4: api.port: must be at least 0 and at most 65535",
        "moodline.yaml:6: streams[0].url: is missing; add it",
        "moodline.yaml:9: worker.batch_size: stands on line 8 already; remove one of them",
        "MOODLINE_LOG__LEVEL: log.level: must be debug, info, warning or error",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api: [", ":1: is not valid YAML: "),
        ("api:\n  host: a: b", ":2: is not valid YAML: "),
        ("- api", ":1: must be settings as name: value"),
        ("api: 5", ":1: api: must be settings as name: value"),
        ("streams: {id: a}", ":1: streams: must be a list"),
        ("streams: [demo]", ":1: streams[0]: must be settings as name: value"),
        ("worker: &w {model: *w}", ":1: worker.model: refers to itself"),
        ("api: &a\n  <<: *a\n  port: x", ":3: api.port: must be a whole number"),
        ("api: !!python/name:os.system {}", ":1: api: has a YAML tag"),
        ("api:\n  port: !!int x", ":2: api.port: is no number that can be read"),
        ("[" * 1000, ": is nested too deeply"),
        ("\x00", ": holds a character that YAML does not allow"),
        ("wroker: {}", ":1: wroker: is not a known setting; did you mean worker?"),
        ("worker: {emotions: [happy, hapy]}", ":1: worker.emotions[1]: must be angry, disgust, "),
        ("worker: {emotions: [happy, hapy]}", "did you mean happy?"),
        ("worker: {batch_wait: 5x}", ":1: worker.batch_wait: is not a duration; write it as 500ms"),
        ("worker: {batch_wait: 2s}", ":1: worker.batch_wait: must be at least 0s and at most 1s"),
        ("worker: {hysteresis: .nan}", ":1: worker.hysteresis: must be a"),
        ("worker: {hysteresis: nan}", ":1: worker.hysteresis: must be a finite number"),
        ("redis: {partition_max_bytes: 8 XB}", ":1: redis.partition_max_bytes: must be a size"),
        (
            "streams: [{id: a, url: x.mp4, start_at: 2024-05-01}]",
            ":1: streams[0].start_at: must be a time with its zone",
        ),
        ("streams: [{id: Front Door, url: demo}]", ":1: streams[0].id: must be 1 to 64 small letters"),
        ("streams: [{id: a, url: 'ftp://host/x'}]", ":1: streams[0].url: has the scheme ftp://"),
        ("streams: [{id: a, url: 'rtsp://[::1/x'}]", ":1: streams[0].url: names no host and port; write rtsp://"),
        ("streams: [{id: a, url: 'rtsp://h:no/x'}]", ":1: streams[0].url: names no host and port; write rtsp://"),
        ('streams: [{id: a, url: "http://h/\\e[31m"}]', ":1: streams[0].url: holds a line break or another control"),
    ],
)
def test_an_error_says_where_and_what(errors: Errors, text: str, expected: str) -> None:
    (line,) = errors(text)
    assert line.startswith("moodline.yaml")
    assert expected in line


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"log: \xe9\xff")
    assert check_config(tmp_path / "none.yaml", {}) == [f"{tmp_path}/none.yaml: there is no such file; check the path"]
    assert check_config(tmp_path, {}) == [f"{tmp_path}: cannot be read: Is a directory"]
    assert check_config(tmp_path / "latin.yaml", {}) == [f"{tmp_path}/latin.yaml: is not UTF-8 text; save it as UTF-8"]


def test_load_settings_raises_all_lines_at_once(write: Write) -> None:
    with pytest.raises(ConfigError, match=r"api\.port") as caught:
        load_settings(write("api: {port: x}\nlog: {level: x}"), {})
    assert len(str(caught.value).splitlines()) == 2
    assert caught.value.exit_code == 2


@given(text=st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_no_text_makes_a_traceback(write: Write, text: str) -> None:
    path = write("")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert isinstance(check_config(path, {}), list)
