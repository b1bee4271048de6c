"""Small faces, small networks: what the trainer's tests run on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from moodline.emotions import EMOTIONS
from trainer import network
from trainer.data import Faces
from trainer.recipe import Labels, Phase, Recipe
from trainer.run import Run, start_run
from trainer.train import train


@pytest.fixture(scope="session")
def tiny_network() -> Iterator[str]:
    """The name of a network of the trainer's shape, thousands of times smaller."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(network.NETWORKS, "tiny", ((4,), (6, 6), (8,), (8,)))
        yield "tiny"


@pytest.fixture(scope="session")
def tiny_recipe(tiny_network: str) -> Recipe:
    return Recipe(
        name="tiny",
        network=tiny_network,
        phases=(Phase(epochs=2, size=16), Phase(epochs=1, size=32)),
        batch=8,
        precision="float32",
        labels=Labels(fer2013_weight=0.25),
    )


@pytest.fixture
def faces() -> Faces:
    return random_faces(40, seed=1)


@pytest.fixture
def validation() -> Faces:
    return random_faces(30, seed=2, first_group=1000)


@dataclass
class TinyRun:
    """A run that is done, its folder, and what it was given."""

    run: Run
    folder: Path
    faces: Faces
    validation: Faces


@pytest.fixture(scope="session")
def tiny_run(tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A whole run of the tiny recipe, shared by tests that only look at it."""
    folder = tmp_path_factory.mktemp("run")
    faces, validation = random_faces(40, seed=1), random_faces(30, seed=2, first_group=1000)
    run = start_run(tiny_recipe)
    train(run, faces, validation, folder)
    return TinyRun(run, folder, faces, validation)


def random_faces(count: int, seed: int, first_group: int = 0) -> Faces:
    """Faces of noise whose brightness tells the emotion, with ten votes each."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(EMOTIONS)
    images = rng.integers(0, 80, (count, 48, 48)) + labels[:, None, None] * 25
    votes = np.eye(len(EMOTIONS), dtype=np.float32)[labels] * 8
    votes[:, 4] += 2
    groups = np.arange(count) + first_group
    others = np.zeros((count, 3), np.float32)
    return Faces(images.astype(np.uint8), labels.astype(np.int64), votes, others, groups, groups.copy())


@pytest.fixture(scope="session", autouse=True)
def _quiet_tensorflow() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        yield


@pytest.fixture
def no_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing asks no engine what lower precisions cost: each would be a process of its own."""
    monkeypatch.setattr("trainer.precision.engine_answers", lambda *_asked: {})


@pytest.fixture(scope="session")
def committed_model() -> Path:
    return Path(__file__).resolve().parents[2] / "worker" / "models" / "vgg11-ferplus" / "1"
