"""A network with two outputs: what raters saw, and the data set's own label."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moodline.emotions import Emotion
from moodline.errors import ModelError
from trainer.average import predict
from trainer.checkpoint import CheckpointError
from trainer.data import DataError, Faces
from trainer.evaluate import load_model, probabilities
from trainer.final import Choice
from trainer.labels import targets, training_faces
from trainer.loss import accuracy, soft_cross_entropy
from trainer.metrics import softmax
from trainer.publish import publish_run
from trainer.recipe import Labels, Phase, Recipe
from trainer.run import start_run, warm_start
from trainer.train import train

# A `TinyRun` of conftest.py, which test folders cannot import.
TinyRun = Any
BOTH = Labels(two_heads=True, fer2013_weight=0.6, smoothing=0.07)
ALL_FOUND: dict[Emotion, float] = {"angry": 0.99, "sad": 0.99}


@pytest.fixture(scope="module")
def two_heads(tiny_recipe: Recipe) -> Recipe:
    change = {"name": "two", "start": "tiny", "labels": BOTH, "phases": (Phase(epochs=1, size=32),), "peak_rate": 1e-6}
    return tiny_recipe.model_copy(update=change)


def test_each_head_learns_its_own_labels_with_its_share_of_the_loss(faces: Faces) -> None:
    goal = targets(faces, BOTH)
    assert goal.shape == (40, 14)
    np.testing.assert_allclose(goal[:, :7].sum(axis=1), 0.4, atol=1e-6)
    np.testing.assert_allclose(goal[:, 7:].sum(axis=1), 0.6, atol=1e-6)
    assert (goal[:, 7:].argmax(axis=1) == faces.labels).all()
    assert goal[0, 8] == pytest.approx(0.6 * 0.07 / 7)


def test_a_face_with_too_few_votes_teaches_its_own_label_alone(faces: Faces) -> None:
    faces.votes[0] = 0
    assert len(training_faces(faces, faces, BOTH.model_copy(update={"near_copies": True}))) == 40
    goal = targets(faces, BOTH)
    assert (goal[0, :7].sum(), goal[0, 7:].sum()) == (0, pytest.approx(0.6))


def test_an_output_for_votes_needs_votes(faces: Faces) -> None:
    without = replace(faces, votes=np.zeros_like(faces.votes))
    with pytest.raises(DataError, match=r"put fer2013new\.csv beside"):
        training_faces(without, without, BOTH)
    assert len(training_faces(without, without.where(np.arange(0)), Labels())) == len(faces)


def test_of_hard_labels_only_the_first_place_counts(faces: Faces) -> None:
    faces.votes[0] = (5, 0, 0, 0, 3, 2, 0)
    faces.votes[1] = (4, 0, 0, 0, 4, 2, 0)
    goal = targets(faces, Labels(hard=True))
    assert goal[0].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert goal[1].tolist() == [0.5, 0, 0, 0, 0.5, 0, 0]


def test_the_loss_is_the_cross_entropy_of_each_head() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(5, 14)).astype(np.float32)
    goal = np.concatenate([np.eye(7)[[0, 1, 2, 3, 4]] * 0.4, np.eye(7)[[6, 5, 4, 3, 2]] * 0.6], axis=1)
    logs = np.log(np.concatenate([softmax(logits[:, :7]), softmax(logits[:, 7:])], axis=1))
    np.testing.assert_allclose(np.asarray(soft_cross_entropy(goal, logits)), -(goal * logs).sum(axis=1), rtol=1e-5)
    assert np.asarray(accuracy(goal, goal)).tolist() == pytest.approx([1.0] * 5)
    half = np.concatenate([goal[:, :7], -goal[:, 7:]], axis=1)
    assert np.asarray(accuracy(goal, half)).tolist() == pytest.approx([0.4] * 5)


def test_a_run_goes_on_from_the_weights_of_another(tiny_run: TinyRun, two_heads: Recipe) -> None:
    run = start_run(two_heads)
    warm_start(run, tiny_run.folder)
    faces = tiny_run.validation
    run.average(tiny_run.faces, 32)
    tiny_run.run.average(tiny_run.faces, 32)
    images = faces.images[..., None].astype(np.float32)
    np.testing.assert_allclose(predict(run.averaged, images)[:, :7], predict(tiny_run.run.averaged, images), atol=1e-4)


def test_a_start_from_another_recipe_is_refused(tiny_run: TinyRun, two_heads: Recipe, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="train the recipe 'tiny' first"):
        warm_start(start_run(two_heads), tmp_path)
    with pytest.raises(CheckpointError, match="is a run of 'tiny', not of 'other'"):
        warm_start(start_run(two_heads.model_copy(update={"start": "other"})), tiny_run.folder)


@pytest.mark.usefixtures("no_engines")
def test_either_head_can_be_published(tiny_run: TinyRun, two_heads: Recipe, tmp_path: Path) -> None:
    run = start_run(two_heads)
    warm_start(run, tiny_run.folder)
    faces, validation, folder = tiny_run.faces, tiny_run.validation, tmp_path / "run"
    train(run, faces, validation, folder)
    assert set(run.state.history[0]) >= {"validation_loss", "validation_ferplus", "validation_four_fer2013"}
    found = {}
    for choice in (Choice("ferplus", prior_shift=0.5), Choice("fer2013", recall_floors={"sad": 0.9})):
        target = tmp_path / str(choice.head) / "1"
        manifest = publish_run(folder, faces, validation, target, choice=choice)
        assert manifest.prior_shift == (choice.prior_shift or 0)
        assert f"that for {choice.head}" in manifest.training.labels
        assert [(one.mirrored_copy, one.apart) for one in manifest.scores] == [
            (False, False), (True, False), (False, True), (True, True),
        ]  # fmt: skip
        found[choice.head] = probabilities(load_model(target), validation)
    assert np.abs(found["ferplus"] - found["fer2013"]).max() > 0.01
    assert min(one.fer2013.seven.recall["sad"] for one in manifest.scores[:2]) >= 0.9
    assert (manifest.recall_floors["sad"].floor, manifest.recall_floors["sad"].added > 0) == (0.9, True)
    assert "to sad (at least 90.0%)" in (target / "MODEL_CARD.md").read_text()
    with pytest.raises(ModelError, match=r"On validation \w+ cannot have a recall of 0\.99"):
        publish_run(folder, faces, validation, target.with_name("2"), choice=Choice(recall_floors=ALL_FOUND))
    with pytest.raises(ModelError, match="ferplus and fer2013, none for 'own'"):
        publish_run(folder, faces, validation, tmp_path / "own" / "1", choice=Choice("own"))
