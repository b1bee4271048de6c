"""What is shown of an address holds no password, however it is written."""

import pytest

from ingest.native_stderr import without_secrets
from moodline.declared import Declared
from moodline.redact import redact_text, redact_url, secrets_of
from moodline.settings import StreamSettings, source_kind
from moodline.settings.allowed import judge_source

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


@pytest.mark.parametrize("text", ["/data/a@b.mp4", "file:///data/a@b.mp4", "demo", "0", "http://h:80/v", "mail a@b"])
def test_what_holds_no_password_is_shown_as_it_is(text: str) -> None:
    assert redact_url(text) == redact_text(text) == text
    assert secrets_of(text) == frozenset()


def test_sources_that_differ_in_their_query_are_told_apart() -> None:
    films = [
        StreamSettings.model_validate({"id": "a", "url": f"http://h/v?id={n}&token=t", "live": False}) for n in (1, 2)
    ]
    assert [film.known_url for film in films] == ["http://h/v?id=1&token=***", "http://h/v?id=2&token=***"]
