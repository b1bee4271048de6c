"""What the worker's engines make of the model that ships is that model, on faces of the validation split."""

from pathlib import Path

import numpy as np

from moodline.manifest import LEAST_SAME_LABEL
from tests.support.needs import shared
from trainer.check import agreements
from trainer.data import read_split

FACES = 512
BOUNDS = {"openvino-bf16": (0.99, 0.05), "openvino-int8": (LEAST_SAME_LABEL, 0.3)}
"""Of the lower precisions: how many faces keep their emotion at least, how far a probability may be off."""


def test_every_engine_agrees_with_keras_on_the_model_that_ships(committed_model: Path) -> None:
    faces = read_split(shared("data/fer2013"), "validation")
    found = list(agreements(committed_model, faces.where(np.arange(FACES))))
    assert {"tensorflow", "openvino-f32"} <= {one.engine for one in found}
    for one in found:
        least, most = BOUNDS.get(one.engine, (0.998, 0.001))
        assert one.faces == FACES
        assert one.same_label >= least
        assert one.greatest_difference <= most
        assert abs(one.accuracy - one.keras_accuracy) <= 0.005
