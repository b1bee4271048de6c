"""A password may stand in a wrong place, but never in a message."""

import pytest

from moodline.settings import Settings
from tests.config.conftest import Errors, Load

SECRET = "hunter2swordfish"
CAMERA = f"rtsp://admin:{SECRET}@camera/1"


@pytest.mark.parametrize(
    "text",
    [
        f"redis: {{url: 'http://u:{SECRET}@host'}}",
        f"redis: {{seal_key: {SECRET}}}",
        f"redis: {{seal_key: [{SECRET}]}}",
        f"redis: {{partitions: {SECRET}}}",
        f"redis: {{url: [{SECRET}]}}",
        f"redis: {{url: *{SECRET}}}",
        f"redis:\n  url: redis://u:{SECRET}: x",
        f'redis:\n  url: "redis://u:\\q{SECRET}@h"',
        f"redis: {{{CAMERA}: x}}",
        f"redis: !{SECRET} x",
        f"redis: {{url: '${{{SECRET}'}}",
        f"worker: {{batch_wait: {SECRET}, batch_size: {SECRET}, engine: {SECRET}, emotions: [{SECRET}, x]}}",
        f"worker: {{emotions: {SECRET}}}",
        f"log: {SECRET}",
        f"streams: ['{CAMERA}']",
        f"streams: [{{id: '{CAMERA}', url: '{CAMERA}'}}]",
        f"streams: [{{id: a, url: 'ftp://u:{SECRET}@host'}}]",
        f"streams: [{{id: a, url: 'rtsp://u:{SECRET}@'}}]",
        f"streams: [{{id: a, url: '{CAMERA}', max_bytes: 5{SECRET}, start_at: {SECRET}}}]",
        f"streams: [{{id: a, url: '{CAMERA}', loop: true, fps: null}}]",
        f"streams: [{{id: a, url: '{CAMERA}', labels: {{'{SECRET} x': y}}}}]",
        f"streams: '{CAMERA}'",
    ],
)
def test_no_error_in_a_file_repeats_a_value(errors: Errors, text: str) -> None:
    lines = errors(text)
    assert lines
    assert SECRET not in "\n".join(lines)


def test_no_error_repeats_a_value_of_the_environment(errors: Errors) -> None:
    environ = {
        "REDIS_URL": SECRET,
        "MOODLINE_SEAL_KEY": SECRET,
        "MOODLINE_WORKER__BATCH_SIZE": SECRET,
        "MOODLINE_SUMMARIES__RESOLUTIONS": f"[{SECRET}",
        "MOODLINE_STREAMS": f"[{{id: a, url: 'ftp://{SECRET}'}}]",
        "CAMERA_PASSWORD": SECRET,
    }
    lines = errors("api: {port: '${CAMERA_PASSWORD}'}", environ)
    assert len(lines) == 6
    assert SECRET not in "\n".join(lines)


def test_settings_that_are_shown_hide_secrets(load: Load) -> None:
    settings = load(f"redis: {{url: 'redis://:{SECRET}@h'}}\nstreams: [{{id: a, url: '{CAMERA}'}}]")
    shown = (repr(settings), str(settings), settings.model_dump_json(), settings.streams[0].shown_url)
    assert SECRET not in "".join(shown)
    assert "camera/1" in settings.streams[0].shown_url


def test_an_error_of_settings_made_in_code_hides_the_value() -> None:
    with pytest.raises(ValueError, match="batch_size") as caught:
        Settings.model_validate({"worker": {"batch_size": SECRET}, "redis": {"url": SECRET}})
    assert SECRET not in str(caught.value)
