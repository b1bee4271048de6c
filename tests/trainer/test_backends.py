"""The trainer is written on Keras 3: a few steps on each backend that is installed, and the same sums on all."""

import json
import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ("tensorflow", "jax", "torch")
STEPS = """
import json, sys
from pathlib import Path
import keras
import numpy as np
from trainer import network
from trainer.average import measure_norms, predict
from trainer.data import Faces
from trainer.loss import soft_cross_entropy
from trainer.recipe import Phase, Recipe
from trainer.run import start_run
from trainer.train import train

network.NETWORKS["tiny"] = network.NETWORKS["tiny_dense"] = ((4,), (6, 6), (8,), (8,))
network.DENSE["tiny_dense"] = (10,)
draw = np.random.default_rng(0)
labels = np.arange(64) % 7
images = draw.integers(0, 80, (64, 48, 48)) + labels[:, None, None] * 25

pixels = images[:, :32, :32, None].astype(np.float32)

def drawn(name):
    model = network.build_network(name, 7, side=32)
    model.set_weights([draw.normal(0, 0.3, w.shape) if w.ndim > 1 else w + 0.1 for w in model.get_weights()])
    return model

answers = {}
for name in ("tiny", "tiny_dense"):
    model = drawn(name)
    measure_norms(model, pixels, batch=32)
    answers[name] = predict(model, pixels, batch=64)[:7].tolist()

model = drawn("tiny")
before = model.get_weights()
model.compile(keras.optimizers.SGD(0.1), loss=soft_cross_entropy)
model.train_on_batch(pixels, np.eye(7, dtype=np.float32)[labels])
moved = [float(np.abs(new - old).sum()) for new, old in zip(model.get_weights(), before, strict=True)]

faces = Faces.of(list(images.astype(np.uint8)), labels.tolist())
recipe = Recipe(name="tiny", network="tiny", phases=(Phase(epochs=2, size=16),), batch=8, precision="mixed_bfloat16")
run = start_run(recipe)
train(run, faces, faces, Path(sys.argv[1]))
losses = [record["validation_loss"] for record in run.state.history]
print(json.dumps({"backend": keras.config.backend(), "losses": losses, "answers": answers, "moved": moved}))
"""


@cache
def steps_on(backend: str) -> dict[str, Any]:
    """What a few steps on a backend printed."""
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", STEPS, folder],
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.timeout(300)  # a backend is imported and compiles, on a machine that may be busy
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_few_steps_lower_the_loss(backend: str) -> None:
    found = steps_on(backend)
    assert found["backend"] == backend
    assert found["losses"][-1] < found["losses"][0]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_a_step_moves_the_same_weights_as_far_on_every_backend(backend: str) -> None:
    found, expected = steps_on(backend)["moved"], steps_on(BACKENDS[0])["moved"]
    assert min(expected) > 0, "no weight and no moving statistic stays as it was"
    assert found == pytest.approx(expected, rel=1e-2)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", BACKENDS[1:])
@pytest.mark.parametrize("network", ["tiny", "tiny_dense"])
def test_the_same_weights_say_the_same_on_every_backend(backend: str, network: str) -> None:
    found, expected = steps_on(backend), steps_on(BACKENDS[0])
    for logits, reference in zip(found["answers"][network], expected["answers"][network], strict=True):
        assert logits == pytest.approx(reference, abs=2e-3)
        assert max(reference) - min(reference) > 0.1, "an answer that says something"
