"""What the worker's engines make of the model that ships is that model, on faces of the validation split."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from moodline.emotions import EMOTIONS
from moodline.errors import ModelError
from tests.support.needs import shared
from trainer.__main__ import build_app
from trainer.check import agreements
from trainer.data import Faces, read_split

FACES = 512
MOST = {"openvino-bf16": 0.05, "openvino-int8": 0.3}
"""How far a probability may be off in lower precisions."""


def test_every_engine_agrees_with_keras_on_the_model_that_ships(committed_model: Path) -> None:
    faces = read_split(shared("data/fer2013"), "validation")
    found = list(agreements(committed_model, faces.where(np.arange(FACES))))
    assert {"tensorflow", "openvino-f32"} <= {one.engine for one in found}
    for one in found:
        assert one.faces == FACES
        assert one.close
        assert one.same_label >= (0.985 if one.engine.endswith("int8") else 0.99)
        assert one.greatest_difference <= MOST.get(one.engine, 0.001)
        assert abs(one.accuracy - one.keras_accuracy) <= 0.005


def test_an_engine_that_runs_another_model_is_named(
    committed_model: Path, faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, (image, label) in enumerate(zip(faces.images, faces.labels, strict=True)):
        folder = tmp_path / "validation" / EMOTIONS[label]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number}.png"), image)
    wrong = np.eye(len(EMOTIONS), dtype=np.float32)[[6]].repeat(len(faces), axis=0)
    monkeypatch.setattr("trainer.check.engine_answers", lambda *_asked: {"openvino-f32": wrong})
    asked = ["models", "check", "--model", str(committed_model), "--data", str(tmp_path)]
    done = CliRunner().invoke(build_app(), asked)
    assert isinstance(done.exception, ModelError)
    assert "is not the same model on openvino-f32" in str(done.exception)
