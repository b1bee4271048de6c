"""What the worker's engines make of the model that ships is that model, on faces of the validation split."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from moodline.emotions import EMOTIONS
from moodline.errors import ModelError
from moodline.manifest import LEAST_SAME_LABEL, MANIFEST_NAME, read_manifest
from tests.support.needs import shared
from trainer.__main__ import build_app
from trainer.check import agreements
from trainer.data import Faces, read_split

FACES = 512
BOUNDS = {"openvino-bf16": (0.99, 0.05), "openvino-int8": (LEAST_SAME_LABEL, 0.3)}
"""Of the lower precisions: how many faces keep their emotion at least, how far a probability may be off."""


def test_every_engine_agrees_with_keras_on_the_model_that_ships(committed_model: Path) -> None:
    faces = read_split(shared("data/fer2013"), "validation")
    found = list(agreements(committed_model, faces.where(np.arange(FACES))))
    assert {"tensorflow", "openvino-f32"} <= {one.engine for one in found}
    for one in found:
        assert one.faces == FACES
        assert one.close
        least, most = BOUNDS.get(one.engine, (0.998, 0.001))
        assert one.same_label >= least
        assert one.greatest_difference <= most
        assert abs(one.accuracy - one.keras_accuracy) <= 0.005


@pytest.mark.parametrize("engine", ["openvino-f32", "openvino-int8", "openvino-int8 that no worker takes"])
def test_an_engine_on_which_workers_would_run_another_model_is_named(
    engine: str, committed_model: Path, faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, *unused = engine.split(" ", 1)
    model = tmp_path / "model"
    shutil.copytree(committed_model, model)
    if unused:
        manifest = read_manifest(model).model_copy(update={"losses": {}})
        (model / MANIFEST_NAME).write_text(manifest.model_dump_json(by_alias=True))
    for number, (image, label) in enumerate(zip(faces.images, faces.labels, strict=True)):
        folder = tmp_path / "validation" / EMOTIONS[label]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number}.png"), image)
    wrong = np.eye(len(EMOTIONS), dtype=np.float32)[[6]].repeat(len(faces), axis=0)
    monkeypatch.setattr("trainer.check.engine_answers", lambda *_asked: {engine: wrong})
    asked = ["models", "check", "--model", str(model), "--data", str(tmp_path)]
    done = CliRunner().invoke(build_app(), asked)
    assert isinstance(done.exception, ModelError) is not bool(unused)
    assert (f"is not the same model on {engine}" in str(done.exception)) is not bool(unused)
