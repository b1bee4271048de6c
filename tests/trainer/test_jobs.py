"""What the service jobs reads of a training is what the trainer says."""

import io
import logging
from pathlib import Path
from typing import Any, cast

import pytest

from jobs.training import _follow
from tests.trainer.conftest import random_faces
from trainer.recipe import Phase, Recipe
from trainer.run import start_run
from trainer.train import train


class Told:
    """Takes the place of a job's task."""

    def __init__(self) -> None:
        self.fields: list[dict[str, Any]] = []

    def say(self, **fields: Any) -> None:
        self.fields.append(fields)


def test_every_epoch_is_told(tiny_recipe: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recipe = tiny_recipe.model_copy(update={"phases": (Phase(epochs=1, size=16),)})
    with caplog.at_level(logging.INFO):
        train(start_run(recipe), random_faces(40, seed=1), random_faces(30, seed=2, first_group=1000), tmp_path)
    told = Told()
    lines = "".join(f"{message}\n" for message in caplog.messages)

    _follow(cast("Any", told), io.BytesIO(lines.encode()))

    assert [(fields["steps"], fields["total"]) for fields in told.fields] == [(1, 1)]
    assert told.fields[-1]["sentence"] == "Epoch 1 of 1 is done."
