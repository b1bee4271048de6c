"""What the command line says, and with which exit code it ends."""

from pathlib import Path

import pytest

from tests.cli.running import moodline

COMMANDS = (
    "up",
    "events",
    "streams",
    "probe",
    "keys",
    "check-config",
    "ingest",
    "worker",
    "api",
    "data",
    "train",
    "report",
    "evaluate",
    "models",
    "bench",
)
THREE_ERRORS = """\
streams:
  - id: Front Door
    url: rtsp://camera/1
  - id: back-door
    url: ftp://camera/1
worker:
  batch_size: many
"""
TWO_STREAMS = """\
streams:
  - {id: lobby, url: demo}
  - {id: door, url: "rtsp://user:${CAMERA_PASSWORD}@camera/1"}
"""


def test_help_names_every_command_and_draws_nothing_into_a_pipe() -> None:
    done = moodline("--help")
    assert done.returncode == 0
    assert [command for command in COMMANDS if f"\n  {command} " not in done.stdout] == []
    assert "..." not in done.stdout.partition("Commands:")[2]  # no sentence is cut off
    assert "\x1b" not in done.stdout
    assert "╭" not in done.stdout


@pytest.mark.parametrize("command", ["up", "events", "streams", "probe", "check-config", "ingest", "worker", "api"])
def test_every_command_describes_itself(command: str) -> None:
    done = moodline(command, "--help")
    assert done.returncode == 0
    assert f"Usage: moodline {command}" in done.stdout


def test_training_describes_its_own_options() -> None:
    done = moodline("train", "--help")
    assert done.returncode == 0
    assert "usage:" in done.stdout.lower()


def test_version() -> None:
    done = moodline("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("moodline 0.")


def test_check_config_names_all_errors_in_one_go(tmp_path: Path) -> None:
    config = tmp_path / "moodline.yaml"
    config.write_text(THREE_ERRORS)
    done = moodline("check-config", str(config))
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    for line, number, setting in zip(
        lines, (2, 5, 7), ("streams[0].id", "streams[1].url", "worker.batch_size"), strict=True
    ):
        assert line.startswith(f"{config}:{number}: {setting}: ")


def test_check_config_counts_the_streams_of_a_valid_file(tmp_path: Path) -> None:
    config = tmp_path / "moodline.yaml"
    config.write_text(TWO_STREAMS)
    done = moodline("check-config", str(config), env={"CAMERA_PASSWORD": "secret"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{config} is valid: 2 streams\n"


@pytest.mark.parametrize("command", ["up", "ingest", "events"])
def test_a_wrong_config_ends_every_command_with_the_same_sentences(command: str, tmp_path: Path) -> None:
    config = tmp_path / "moodline.yaml"
    config.write_text(THREE_ERRORS)
    done = moodline(command, "--config", str(config))
    assert done.returncode == 2
    assert f"{config}:7: worker.batch_size: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["events", "streams"])
def test_a_redis_that_is_not_there_is_one_sentence_without_its_password(command: str) -> None:
    done = moodline(command, env={"REDIS_URL": "redis://user:secret@127.0.0.1:1/0"})
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "127.0.0.1:1" in line
    assert "start it or correct REDIS_URL" in line
    assert "secret" not in line


@pytest.mark.parametrize("service", ["worker", "api"])
def test_a_service_whose_redis_is_not_there_says_so(service: str) -> None:
    ports = {"MOODLINE_API__PORT": "0", "MOODLINE_WORKER__METRICS_PORT": "0"}
    done = moodline(service, env={"REDIS_URL": "redis://127.0.0.1:1/0", **ports})
    assert done.returncode == 1
    assert "Redis at redis://127.0.0.1:1/0 cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_any_redis_it_says_how_to_get_one() -> None:
    done = moodline("events")
    assert done.returncode == 1
    assert done.stderr == ("There is no Redis to ask: start `moodline up` in another terminal, or set REDIS_URL.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evnets"], "events"),
        (["events", "--emotion", "bored"], "angry, disgust, fear, happy, neutral, sad, surprise"),
        (["events", "--kind", "smile"], "emotion, face_entered, emotion_changed, face_left"),
        (["events", "--count", "0"], "--count"),
        (["up", "--duration", "soon"], "--duration"),
        (["up"], "--source demo"),
        (["up", "--source", "ftp://camera/1"], "ftp://"),
        (["check-config", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
    ],
)
def test_wrong_usage_is_explained_with_exit_code_2(arguments: list[str], said: str) -> None:
    done = moodline(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_benchmark_asks_for_a_checkout(tmp_path: Path) -> None:
    done = moodline("bench", cwd=tmp_path)
    assert done.returncode == 2
    assert "checkout" in done.stderr
