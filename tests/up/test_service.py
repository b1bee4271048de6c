"""A service that dies is started again, unless that is of no use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import moodline.up.service
from moodline.errors import ConfigError
from moodline.up.service import Service, ServiceFailedError
from tests.support.wait import wait_until

Lines = list[tuple[str, str]]


class Trial:
    """A module of the test's own, run as a service."""

    def __init__(self, folder: Path, source: str) -> None:
        (folder / "trial.py").write_text(source)
        self.lines: Lines = []
        env = {**os.environ, "PYTHONPATH": str(folder)}
        self.service = Service(
            "trial", "trial", arguments=[], env=lambda: env, on_line=lambda *line: self.lines.append(line)
        )

    def said(self, text: str) -> int:
        return sum(text in line for _, line in self.lines)

    def check_until(self, text: str, times: int = 1) -> None:
        def found() -> bool:
            self.service.check()
            return self.said(text) >= times

        wait_until(found, description=f"{text!r} {times} times in {self.lines}")


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moodline.up.service, "BACKOFF_FIRST_S", 0.01)


@pytest.fixture
def trials() -> Iterator[list[Trial]]:
    """Services to end with the test."""
    started: list[Trial] = []
    yield started
    for trial in started:
        trial.service.kill()


def start(trials: list[Trial], folder: Path, source: str) -> Trial:
    trial = Trial(folder, source)
    trials.append(trial)
    trial.service.start()
    return trial


def test_a_service_that_died_is_started_again(trials: list[Trial], tmp_path: Path) -> None:
    once = tmp_path / "once"
    source = f"import pathlib, signal; p = pathlib.Path({str(once)!r})\n"
    source += "if not p.exists(): p.touch(); raise SystemExit(1)\n"
    source += "print('well', flush=True); signal.pause()\n"
    trial = start(trials, tmp_path, source)
    trial.check_until("well")
    assert trial.said("The trial ended with exit code 1; it starts again") == 1


def test_a_service_that_keeps_dying_is_given_up_with_its_last_words(trials: list[Trial], tmp_path: Path) -> None:
    line = "2025-11-22 08:00:00,000 ERROR   trial: The model is damaged; install it again."
    trial = start(trials, tmp_path, f"import sys; print({line!r}, file=sys.stderr); sys.exit(1)")
    with pytest.raises(ServiceFailedError, match=r"exit code 1: The model is damaged; install it again\.$"):
        trial.check_until("this never comes")
    assert trial.said("The model is damaged") == moodline.up.service.MAX_DEATHS


def test_a_service_with_a_wrong_configuration_is_not_tried_again(trials: list[Trial], tmp_path: Path) -> None:
    trial = start(trials, tmp_path, "import sys; print('no such option'); sys.exit(2)")
    with pytest.raises(ConfigError, match="The trial cannot run: no such option"):
        trial.check_until("this never comes")
    assert trial.said("no such option") == 1


def test_a_folder_of_the_same_name_is_not_taken_for_the_service(
    trials: list[Trial], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "trial.py").write_text("print('the wrong one', flush=True)")
    monkeypatch.chdir(here)
    trial = start(trials, there, "import signal; print('the right one', flush=True); signal.pause()")
    trial.check_until("the right one")
