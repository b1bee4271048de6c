"""A run that learns from the answers of the run it goes on from."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from moodline.emotions import EMOTIONS
from trainer.augment import scaled
from trainer.average import predict
from trainer.checkpoint import CheckpointError
from trainer.labels import FOUR, targets, training_faces
from trainer.metrics import softmax
from trainer.publish import labels_learned
from trainer.recipe import Labels, Phase, Recipe
from trainer.run import Run, resume, start_run, warm_start
from trainer.teacher import TEACHER_NAME, taught
from trainer.train import train

# A `TinyRun` of conftest.py, which test folders cannot import.
TinyRun = Any
SHARE = 0.25
BOTH = Labels(two_heads=True, fer2013_weight=0.6)
TAUGHT = BOTH.model_copy(update={"teacher": SHARE})


@pytest.fixture(scope="module")
def recipe(tiny_recipe: Recipe) -> Recipe:
    change = {"name": "taught", "start": "two", "labels": TAUGHT, "phases": (Phase(epochs=2, size=16),)}
    return tiny_recipe.model_copy(update=change)


@pytest.fixture(scope="module")
def before(tiny_run: TinyRun, tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with both outputs."""
    folder = tmp_path_factory.mktemp("before")
    change = {"name": "two", "labels": BOTH, "phases": (Phase(epochs=1, size=16),)}
    train(start_run(tiny_recipe.model_copy(update=change)), tiny_run.faces, tiny_run.validation, folder)
    return folder


def begun(recipe: Recipe, before: Path) -> Run:
    """The run as it begins; its output for the own label is given weights that tell faces apart."""
    run = start_run(recipe)
    warm_start(run, before)
    kernel, bias = run.model.layers[-1].get_weights()
    kernel[:, 7:] = np.random.default_rng(5).normal(0, 1, kernel[:, 7:].shape)
    run.model.layers[-1].set_weights([kernel, bias])
    average = next(v for v in run.model.optimizer.variables if v.path.endswith("logits_kernel_average"))
    average.assign(kernel)
    return run


def test_the_own_label_is_blended_with_what_the_run_before_answers(
    tiny_run: TinyRun, recipe: Recipe, before: Path, tmp_path: Path
) -> None:
    run = begun(recipe, before)
    faces = training_faces(tiny_run.faces, tiny_run.validation, recipe.labels)
    goal = targets(faces, recipe.labels)
    found = taught(run, faces, goal, tmp_path)
    np.testing.assert_array_equal(found[:, :7], goal[:, :7], "the votes are as they were")
    np.testing.assert_allclose(found[:, 7:].sum(axis=1), 0.6, atol=1e-3)
    images = scaled(faces.images, 16)
    logits = [predict(run.averaged, view)[:, 7:] for view in (images, np.ascontiguousarray(images[:, :, ::-1]))]
    answers = np.mean([softmax(of_view) for of_view in logits], axis=0)
    assert np.ptp(answers, axis=0).max() > 0.05, "they differ from face to face"
    np.testing.assert_allclose(found[:, 7:], 0.75 * goal[:, 7:] + 0.25 * 0.6 * answers, atol=1e-3)


def test_of_the_answers_only_those_count_that_the_run_is_to_tell_apart(
    tiny_run: TinyRun, recipe: Recipe, before: Path, tmp_path: Path
) -> None:
    four = recipe.model_copy(update={"labels": TAUGHT.model_copy(update={"emotions": FOUR})})
    run = begun(four, before)
    faces = training_faces(tiny_run.faces, tiny_run.validation, four.labels)
    found = taught(run, faces, targets(faces, four.labels), tmp_path)[:, 7:]
    kept = np.isin(EMOTIONS, FOUR)
    assert not found[:, ~kept].any()
    assert (found[:, kept] > 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 0.6, atol=1e-3)


def test_a_run_of_other_outputs_is_no_teacher(tiny_run: TinyRun, recipe: Recipe) -> None:
    run = start_run(recipe.model_copy(update={"start": "tiny"}))
    with pytest.raises(CheckpointError, match="has outputs for ferplus only: 'taught' cannot learn from its answers"):
        warm_start(run, tiny_run.folder)


def test_the_manifest_says_who_taught() -> None:
    said = labels_learned(TAUGHT, "fer2013", has_votes=True)
    assert "60% FER2013 label (25% of that the answers of the run before)" in said
    assert "answers" not in labels_learned(BOTH, "fer2013", has_votes=True)


def test_a_resumed_run_learns_from_the_same_answers(
    tiny_run: TinyRun, recipe: Recipe, before: Path, tmp_path: Path
) -> None:
    whole, again = tmp_path / "whole", tmp_path / "again"
    run = begun(recipe, before)
    train(run, tiny_run.faces, tiny_run.validation, whole)
    again.mkdir()
    for name in ("epoch_001.npz", TEACHER_NAME):
        shutil.copy(whole / name, again)
    resumed = start_run(recipe)
    assert resume(resumed, again)
    train(resumed, tiny_run.faces, tiny_run.validation, again)
    for one, other in zip(resumed.variables, run.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5, err_msg=one.path)


def test_a_run_whose_answers_are_gone_does_not_go_on(tiny_run: TinyRun, recipe: Recipe, tmp_path: Path) -> None:
    run = start_run(recipe)
    run.state.epochs_done = 1
    faces = training_faces(tiny_run.faces, tiny_run.validation, recipe.labels)
    goal = targets(faces, recipe.labels)
    with pytest.raises(CheckpointError, match=r"teacher\.npy, which the run learns from, is missing or damaged"):
        taught(run, faces, goal, tmp_path)
    (tmp_path / TEACHER_NAME).write_bytes(b"\x93NUMPY")
    with pytest.raises(CheckpointError, match="missing or damaged"):
        taught(run, faces, goal, tmp_path)
    np.save(tmp_path / TEACHER_NAME, np.zeros((3, 7), np.float16))
    with pytest.raises(CheckpointError, match=f"of other faces than the {len(faces)}"):
        taught(run, faces, goal, tmp_path)


def test_who_learns_from_nobody_is_told(tiny_recipe: Recipe) -> None:
    votes_alone = BOTH.model_copy(update={"teacher": SHARE, "fer2013_weight": 0.0})
    one_output = Labels(fer2013_weight=1.0, teacher=SHARE)
    for change in (
        {"labels": TAUGHT.model_dump()},
        {"start": "tiny", "labels": one_output.model_dump()},
        {"start": "tiny", "labels": votes_alone.model_dump()},
    ):
        with pytest.raises(ValidationError, match=r"labels\.teacher needs a recipe to start from \(start\) and an"):
            Recipe.model_validate({**tiny_recipe.model_dump(), **change})
