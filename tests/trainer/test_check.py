"""What the worker's engines make of the model that ships is that model, on faces of the validation split."""

from pathlib import Path

import numpy as np

from tests.support.needs import shared
from trainer.check import agreements
from trainer.data import read_split

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
