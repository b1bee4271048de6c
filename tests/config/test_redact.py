"""What is shown of an address holds no password, however it is written."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.native_stderr import without_secrets
from moodline.declared import Declared
from moodline.errors import ConfigError
from moodline.redact import redact_text, redact_url, secrets_of
from moodline.settings import StreamSettings, source_kind
from moodline.settings.allowed import judge_source
from moodline.settings.load import load_settings

SECRET = "hunter2swordfish"
NAMED = [
    "access_token", "token", "api_key", "key", "loginpas", "psw", "passwd", "password", "pwd", "X-Amz-Signature", "sig",
]  # fmt: skip
BY_NAME = [f"http://h/v?x=1&{name}={SECRET}&y=2" for name in NAMED]
IN_PATH = [f"rtsp://h/user=a&password={SECRET}&channel=1", f"rtsp://h/user=a_password={SECRET}_channel=1"]
USER_INFO = [
    f"rtsp://me:{SECRET}@h/1",
    f"rtsp://:{SECRET}@h:554/1",
    f"rtsp://me:p@{SECRET}@h/1",
    f"rtsp://me:p%40{SECRET}@[::1]/1",
]
RAW = [f"rtsp://me:{part}@h/1" for part in (f"pa/{SECRET}", f"12/{SECRET}", f"p?{SECRET}", f"p#{SECRET}")] + [
    f"rtsp://me:p@a/{SECRET}@h/1"
]


@pytest.mark.parametrize("url", BY_NAME + IN_PATH + USER_INFO + RAW)
def test_no_text_and_no_line_of_native_code_shows_a_password(url: str) -> None:
    for shown in (redact_url(url), redact_text(f"[tcp @ 0x1] {url}: failed"), redact_text(f'{{"url": "{url}"}}')):
        assert SECRET not in shown
    secrets = secrets_of(url)
    assert any(SECRET in secret for secret in secrets)
    assert SECRET not in without_secrets(f"refused: {' '.join(secrets)}", secrets)


@pytest.mark.parametrize("query", [f"x={SECRET}", SECRET, f"a=1;b={SECRET}", f"a=1#{SECRET}", f"a={SECRET}=={SECRET}"])
def test_of_a_known_address_no_value_of_the_query_is_shown(query: str) -> None:
    stream = StreamSettings.model_validate({"id": "a", "url": f"http://h/v?{query}"})
    assert SECRET not in stream.shown_url
    assert stream.shown_url.startswith("http://h/v?")
    secrets = secrets_of(stream.url.get_secret_value())
    assert SECRET not in without_secrets(f"refused: {' '.join(secrets)}", secrets)


@pytest.mark.parametrize("url", RAW)
def test_an_address_whose_password_has_no_end_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="percent-encode") as caught:
        source_kind(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", BY_NAME + IN_PATH)
def test_a_password_with_a_name_is_kept_nowhere(url: str) -> None:
    assert "holds a password" in judge_source(url, ["http://h", "rtsp://h"]).refused


def test_what_a_query_takes_from_the_environment_is_not_shown() -> None:
    text = '{"settings": {"id": "a", "url": "http://h/v?x=${CAMERA_A}"}, "added_at": "2026-01-01T00:00:00Z"}'
    stream = Declared.of("a", text).settings(["http://h"], {"CAMERA_A": SECRET})
    assert stream.shown_url == "http://h/v?x=***"
    assert SECRET in secrets_of(stream.url.get_secret_value())


IN_ITS_PATH = "https://cam.test/live/${DOOR}/index.m3u8"


@pytest.fixture
def door(tmp_path: Path) -> Callable[[str, dict[str, str]], StreamSettings]:
    """Return a stream whose url stands in a file, and takes from the environment."""

    def read(url: str, environ: dict[str, str]) -> StreamSettings:
        file = tmp_path / "moodline.yaml"
        file.write_text(f"streams:\n  - {{id: door, url: '{url}'}}\n")
        return load_settings(file, environ).streams[0]

    return read


@pytest.mark.parametrize(
    ("url", "taken", "shown"),
    [
        (IN_ITS_PATH, "t0ken-of-door", "https://cam.test/live/***/index.m3u8"),
        ("https://cam.test/live_${DOOR}.m3u8", "t0ken-of-door", "https://cam.test/live_***.m3u8"),
        ("https://cam.test/${DOOR}", "k9", "https://cam.test/***"),
        ("rtsp://u:${DOOR}@cam.test/a", "passw0rd-of-door", "rtsp://***@cam.test/a"),
        ("${DOOR}", "https://cam.test/live/t0ken-of-door/a.m3u8", "https://cam.test/***"),
        ("https://cam.test/${NONE:-plain}/${DOOR}", "t0ken-of-door", "https://cam.test/plain/***"),
        ("${DOOR}/clip.mp4", "/recordings-of-door", "/recordings-of-door/clip.mp4"),
    ],
)
def test_what_an_address_takes_from_the_environment_is_shown_nowhere(
    door: Any, url: str, taken: str, shown: str
) -> None:
    stream = door(url, {"DOOR": taken})
    assert stream.shown_url == shown
    assert pickle.loads(pickle.dumps(stream)).url == stream.url
    if "://" not in stream.url.get_secret_value() or taken == "k9":
        return
    secret = taken.partition("cam.test/")[2] or taken
    line = f"[https @ 0x1] error at {stream.url.get_secret_value()} with {secret}: failed"
    assert secret not in redact_text(line)
    assert secret not in redact_text(without_secrets(line, secrets_of(stream.url.get_secret_value())))
    another = StreamSettings.model_validate({"id": "a", "url": "https://k9.test/k9"})
    assert another.shown_url == "https://k9.test/k9", "what is short is not sought in other addresses"


def test_a_stream_of_the_environment_takes_its_secrets_as_one_of_the_file_does() -> None:
    streams = json.dumps([{"id": "door", "url": IN_ITS_PATH}])
    stream = load_settings(None, {"MOODLINE_STREAMS": streams, "DOOR": "t0ken-of-streams"}).streams[0]
    assert stream.url.get_secret_value() == "https://cam.test/live/t0ken-of-streams/index.m3u8"
    assert stream.shown_url == "https://cam.test/live/***/index.m3u8"
    with pytest.raises(ConfigError, match=r"MOODLINE_STREAMS: .*the environment variable DOOR is not set"):
        load_settings(None, {"MOODLINE_STREAMS": streams})


def test_a_stream_of_run_time_hides_what_it_takes_in_its_path() -> None:
    text = '{"settings": {"id": "a", "url": "http://h/${CAMERA_B}/v"}, "added_at": "2026-01-01T00:00:00Z"}'
    stream = Declared.of("a", text).settings(["http://h"], {"CAMERA_B": "t0ken-of-run-time"})
    assert stream.shown_url == "http://h/***/v"
    assert "t0ken" not in redact_text("GET http://h/t0ken-of-run-time/v failed")


@pytest.mark.parametrize("text", ["/data/a@b.mp4", "file:///data/a@b.mp4", "demo", "0", "http://h:80/v", "mail a@b"])
def test_what_holds_no_password_is_shown_as_it_is(text: str) -> None:
    assert redact_url(text) == redact_text(text) == text
    assert secrets_of(text) == frozenset()


def test_sources_that_differ_in_their_query_are_told_apart() -> None:
    films = [
        StreamSettings.model_validate({"id": "a", "url": f"http://h/v?id={n}&token=t", "live": False}) for n in (1, 2)
    ]
    assert [film.known_url for film in films] == ["http://h/v?id=1&token=***", "http://h/v?id=2&token=***"]
