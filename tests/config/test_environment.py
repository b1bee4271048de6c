"""Environment variables: over the file, and inside it as ${NAME}."""

import subprocess
import sys

import pytest

from moodline.settings import load_settings
from tests.config.conftest import Errors, Load

DEMO = "streams: [{id: demo, url: demo}]"


def test_a_variable_overrides_the_file_and_the_file_the_default(load: Load) -> None:
    worker = load("worker: {batch_size: 8, max_attempts: 5}", {"MOODLINE_WORKER__BATCH_SIZE": "16"}).worker
    assert (worker.batch_size, worker.max_attempts, worker.model) == (16, 5, "in-use")


def test_variables_hold_durations_switches_and_lists(load: Load) -> None:
    settings = load(
        DEMO,
        {
            "MOODLINE_WORKER__BATCH_WAIT": "5ms",
            "MOODLINE_INGEST__DETECTOR_DOWNLOAD": "false",
            "MOODLINE_WORKER__EMOTIONS": "angry, happy",
            "MOODLINE_SUMMARIES__RESOLUTIONS": '[{"step": "1m", "keep": "1h"}]',
        },
    )
    assert settings.worker.batch_wait.total_seconds() == 0.005
    assert settings.ingest.detector_download is False
    assert settings.worker.emotions == ("angry", "happy")
    assert settings.summaries.resolutions[0].step.total_seconds() == 60


def test_the_streams_are_replaced_as_a_whole(load: Load) -> None:
    streams = load(DEMO, {"MOODLINE_STREAMS": '[{"id": "door", "url": "rtsp://camera/1"}]'}).streams
    assert [stream.id for stream in streams] == ["door"]


@pytest.mark.parametrize("name", ["REDIS_URL", "MOODLINE_REDIS__URL"])
def test_redis_url_comes_from_the_environment(load: Load, name: str) -> None:
    url = load("redis: {url: 'redis://file'}", {name: "redis://environment"}).redis.url
    assert url is not None
    assert url.get_secret_value() == "redis://environment"


def test_moodlines_own_variable_wins_over_the_well_known_one() -> None:
    url = load_settings(None, {"MOODLINE_REDIS__URL": "redis://own", "REDIS_URL": "redis://known"}).redis.url
    assert url is not None
    assert url.get_secret_value() == "redis://own"


def test_an_empty_variable_counts_as_not_set() -> None:
    settings = load_settings(None, {"REDIS_URL": "", "MOODLINE_API__PORT": ""})
    assert (settings.redis.url, settings.api.port) == (None, 8080)


def test_the_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOODLINE_API__PORT", "8181")
    assert load_settings().api.port == 8181


def test_nothing_is_read_from_the_environment_at_import() -> None:
    wrong = {"MOODLINE_API__PORT": "x", "REDIS_URL": "x", "MOODLINE_STREAMS": "x"}
    command = [
        sys.executable,
        "-c",
        "from moodline.settings import Settings; assert Settings().api.port == 8080",
    ]
    subprocess.run(command, env=wrong | {"PYTHONPATH": ":".join(sys.path)}, check=True, timeout=60)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MOODLINE_WORKER__BATCH_SIZE", "x", "worker.batch_size: must be a whole number"),
        ("MOODLINE_WORKER__EMOTIONS", "happy", "worker.emotions: needs at least 2 emotions to tell apart"),
        ("MOODLINE_WORKER__BATCHSIZE", "3", "did you mean MOODLINE_WORKER__BATCH_SIZE?"),
        ("MOODLINE_WROKER__BATCH_SIZE", "3", "did you mean MOODLINE_WORKER__BATCH_SIZE?"),
        ("MOODLINE_NOTHING__LIKE_IT", "3", "is not the name of a setting"),
        ("MOODLINE_SUMMARIES__RESOLUTIONS", "[", "is neither valid YAML nor JSON"),
        ("MOODLINE_STREAMS", "[{id: a}]", "streams[0].url: is missing"),
        ("REDIS_URL", "localhost", "redis.url: must begin with redis://, rediss:// or unix://"),
        ("MOODLINE_SEAL_KEY", "c2hvcnQ=", "redis.seal_key: must be the base64 of 32 bytes"),
    ],
)
def test_an_error_names_its_variable(errors: Errors, name: str, value: str, expected: str) -> None:
    (line,) = errors(DEMO, {name: value})
    assert line.startswith(f"{name}: ")
    assert expected in line


def test_other_variables_are_left_alone(errors: Errors) -> None:
    # Kubernetes sets such ones for a service that is called moodline-api.
    assert errors(DEMO, {"MOODLINE_CONFIG": "x", "MOODLINE_API_PORT": "tcp://10.0.0.1:80", "PATH": "/bin"}) == []


def test_a_reference_in_the_file_is_replaced(load: Load) -> None:
    text = """
api: {host: "${HOST:-0.0.0.0}", port: "${PORT}"}
worker: {model: "a$${b}c", threads: "${THREADS:-}"}
streams: [{id: door, url: "rtsp://${USER}:${PASSWORD}@camera"}]
"""
    settings = load(text, {"PORT": "81", "USER": "u", "PASSWORD": "p${x}"})
    assert (settings.api.host, settings.api.port) == ("0.0.0.0", 81)
    assert (settings.worker.model, settings.worker.threads) == ("a${b}c", None)
    assert settings.streams[0].url.get_secret_value() == "rtsp://u:p${x}@camera"


@pytest.mark.parametrize(
    ("value", "environ", "expected"),
    [
        ("${GONE}", {}, "the environment variable GONE is not set; set it"),
        ("${GONE}", {"GONE": ""}, "the environment variable GONE is empty; set it"),
        ("x ${A} ${B}", {"A": "a"}, "the environment variable B is not set"),
        ("${not closed", {}, "holds a ${ that is not ${NAME}"),
        ("${1x}", {}, "holds a ${ that is not ${NAME}"),
        ("${A-b}", {"A": "a"}, "holds a ${ that is not ${NAME}"),
    ],
)
def test_a_reference_that_cannot_be_replaced_has_its_line(
    errors: Errors, value: str, environ: dict[str, str], expected: str
) -> None:
    (line,) = errors(f"\nredis:\n  url: '{value}'\n", environ)
    assert line.startswith("moodline.yaml:3: redis.url: ")
    assert expected in line


def test_references_in_comments_do_not_count(errors: Errors) -> None:
    assert errors("# url: ${GONE}\n") == []
