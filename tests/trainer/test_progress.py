"""What a person sees of a run in work."""

import io
import logging
import sys

import pytest

from trainer.progress import Progress
from trainer.recipe import Recipe

RECIPE = Recipe(name="tiny", network="notebook", phases=[{"epochs": 2, "size": 16}, {"epochs": 1, "size": 32}])
MEANS = {"loss": 1.234567, "accuracy": 0.5}


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_with_loss_accuracy_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress(0, RECIPE, steps=4) as progress:
        for step in range(4):
            progress.show(step, MEANS)
    drawn = terminal.getvalue()
    for part in ("epoch 1/3", "4/4", "loss 1.2346", "accuracy 0.5000", "min left"):
        assert part in drawn


def test_a_pipe_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    with caplog.at_level(logging.INFO), Progress(1, RECIPE, steps=2, every_s=0) as progress:
        progress.show(0, MEANS)
    assert "epoch 2/3  step 1/2  loss 1.2346  accuracy 0.5000" in caplog.text
    assert pipe.getvalue() == ""
    with caplog.at_level(logging.INFO), Progress(1, RECIPE, steps=2, every_s=3600) as progress:
        caplog.clear()
        progress.show(0, MEANS)
    assert caplog.text == ""
