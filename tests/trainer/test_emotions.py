"""A model for some of the emotions: what it learns, what it answers."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from moodline.emotions import EMOTIONS
from trainer.__main__ import build_app
from trainer.data import Faces
from trainer.evaluate import load_scorer, probabilities
from trainer.labels import limited
from trainer.publish import publish_run
from trainer.recipe import Labels, Phase, Recipe
from trainer.run import start_run
from trainer.train import train

THREE = ("angry", "happy", "surprise")


def test_votes_for_the_others_are_votes_for_something_else(faces: Faces) -> None:
    votes = faces.votes.copy()
    votes[3] = 0
    votes[3, [EMOTIONS.index("happy"), EMOTIONS.index("sad")]] = (4, 6)  # labelled happy, seen as sad
    found = limited(replace(faces, votes=votes), Labels(emotions=THREE))
    assert {EMOTIONS[label] for label in found.labels} == set(THREE)
    assert len(found) == (np.isin(faces.labels, [EMOTIONS.index(one) for one in THREE])).sum() - 1
    assert found.others[0].tolist() == [0, 2, 0], "the two for neutral"
    assert not found.votes[:, EMOTIONS.index("neutral")].any()


def test_where_the_own_label_is_learned_it_decides(faces: Faces) -> None:
    votes = faces.votes.copy()
    votes[3] = 0
    found = limited(replace(faces, votes=votes), Labels(emotions=THREE, fer2013_weight=1.0))
    assert len(found) == np.isin(faces.labels, [EMOTIONS.index(one) for one in THREE]).sum()
    assert limited(faces, Labels()) is faces


@pytest.mark.usefixtures("no_engines")
def test_what_is_published_answers_with_these_emotions_alone(
    tiny_recipe: Recipe, faces: Faces, validation: Faces, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labels = Labels(emotions=THREE, fer2013_weight=1.0)
    recipe = tiny_recipe.model_copy(
        update={"labels": labels, "phases": (Phase(epochs=1, size=16),), "prior_shift": 0.5}
    )
    train(start_run(recipe), faces, validation, tmp_path / "run")
    target = tmp_path / "models" / "three" / "1"
    manifest = publish_run(tmp_path / "run", faces, validation, target)
    assert manifest.labels == THREE
    assert manifest.scores[0].fer2013.four.recall.keys() == {"angry", "happy"}
    card = (target / "MODEL_CARD.md").read_text()
    assert "probabilities (N, 3): angry, happy" in card
    assert "| own labels | all 3 | no |" in card
    assert not re.search(r"disgust|\| four \||seven", card)
    assert re.search(r"recall is lowest for \w+ \(\d+\.\d%\) and", card)
    scorer = load_scorer(target)
    own = probabilities(scorer.model, validation)
    assert own.shape == (len(validation), 3)
    np.testing.assert_allclose(own.sum(axis=1), 1, atol=1e-5)
    wide = scorer.probabilities(validation)
    np.testing.assert_array_equal(wide[:, [EMOTIONS.index(one) for one in THREE]], own)
    assert wide.sum() == pytest.approx(own.sum())

    for number, (image, label) in enumerate(zip(validation.images, validation.labels, strict=True)):
        (tmp_path / "data" / EMOTIONS[label]).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "data" / EMOTIONS[label] / f"{number}.png"), image)
    done = CliRunner().invoke(build_app(), ["evaluate", "--model", str(target), "--data", str(tmp_path / "data")])
    known = np.isin(validation.labels, [EMOTIONS.index(one) for one in THREE]).sum()
    assert f"{30 - known} of 30 faces left out: the model knows only angry, happy, surprise" in caplog.text
    assert re.search(rf"own labels +all faces +{known} ", done.output)


def test_an_emotion_that_is_not_in_the_data_is_named(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        for number, emotion in enumerate(("happy", "sad")):
            (tmp_path / split / emotion).mkdir(parents=True)
            picture = np.random.default_rng(number).integers(0, 255, (48, 48)).astype(np.uint8)
            cv2.imwrite(str(tmp_path / split / emotion / "1.png"), picture)
    command = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--emotions", "happy,fear"]
    done = CliRunner().invoke(build_app(), command)
    assert "no face labelled fear" in str(done.exception)
    alone = CliRunner().invoke(build_app(), [*command[:-1], "happy"])
    assert (alone.exit_code, "at least two" in alone.output) == (2, True)
