"""The trainer is written on Keras 3: a few steps on each backend that is installed."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STEPS = """
import sys
from pathlib import Path
import keras
import numpy as np
from trainer import network
from trainer.data import Faces
from trainer.recipe import Phase, Recipe
from trainer.run import start_run
from trainer.train import train

network.NETWORKS["tiny"] = ((4,), (6, 6), (8,), (8,))
labels = np.arange(64) % 7
images = np.random.default_rng(0).integers(0, 80, (64, 48, 48)) + labels[:, None, None] * 25
faces = Faces.of(list(images.astype(np.uint8)), labels.tolist())
recipe = Recipe(name="tiny", network="tiny", phases=(Phase(epochs=2, size=16),), batch=8, precision="float32")
run = start_run(recipe)
train(run, faces, faces, Path(sys.argv[1]))
print(keras.config.backend(), *(record["validation_loss"] for record in run.state.history))
"""


@pytest.mark.timeout(300)  # a backend is imported and compiles, on a machine that may be busy
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_few_steps_lower_the_loss(backend: str, tmp_path: Path) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", STEPS, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    name, *losses = done.stdout.split()
    assert name == backend
    assert float(losses[-1]) < float(losses[0])
