import re
from pathlib import Path

import numpy as np
import pytest

from trainer.augment import augmented
from trainer.recipe import Recipe, RecipeError, known_recipes, read_recipe
from trainer.schedule import learning_rate, one_cycle


@pytest.mark.parametrize("name", known_recipes())
def test_every_recipe_that_ships_is_valid(name: str) -> None:
    assert read_recipe(name).name == name


def test_an_unknown_recipe_is_answered_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match="use one of default, fer2013"):
        read_recipe("fast")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("batch = 0", "batch: Input should be greater than or equal to 2"),
        ("bach = 64", "bach: Extra inputs are not permitted"),
        ("network = 'vgg99'", "there is no network 'vgg99', only notebook, notebook_dense, vgg11"),
        ("phases = [{epochs = 1, size = 50}]", "size must be a multiple of 16, not 50"),
        ("batch = ", "is no TOML"),
    ],
)
def test_a_wrong_recipe_names_file_and_setting(tmp_path: Path, line: str, message: str) -> None:
    lines = {"network": "network = 'notebook'", "phases": "phases = [{epochs = 1, size = 48}]"}
    lines[line.partition(" ")[0]] = line
    (tmp_path / "mine.toml").write_text("\n".join(lines.values()))
    with pytest.raises(RecipeError, match=r"mine\.toml") as caught:
        read_recipe(str(tmp_path / "mine.toml"))
    assert message in str(caught.value)


def test_a_network_with_dense_layers_has_one_size_of_faces() -> None:
    phases = [{"epochs": 1, "size": 32}, {"epochs": 1, "size": 48}]
    with pytest.raises(ValueError, match="all phases must have one size"):
        Recipe.model_validate({"name": "mine", "network": "notebook_dense", "phases": phases})


def test_the_notebooks_recipe_is_the_notebooks() -> None:
    recipe = read_recipe("notebook")
    assert (recipe.optimizer, recipe.batch, recipe.patience, recipe.labels.fer2013_weight) == ("rmsprop", 64, 10, 1.0)
    assert {learning_rate(recipe, step, 100) for step in (0, 50, 99)} == {1e-3}
    faces = np.random.default_rng(0).integers(0, 255, (4, 48, 48)).astype(np.uint8)
    changed = augmented(faces, 48, recipe.augmentation, np.random.default_rng(0))
    np.testing.assert_allclose(changed[..., 0], faces, atol=1)


@pytest.mark.parametrize("name", known_recipes())
def test_every_recipe_says_in_its_head_what_is_to_be_expected(name: str) -> None:
    text = (Path(__file__).resolve().parents[2] / "trainer" / "recipes" / f"{name}.toml").read_text()
    head = text.partition("network =")[0].replace("\n# ", " ")
    assert "not measured" in head or re.search(r"minutes|hours", head, re.IGNORECASE)
    assert "not measured" in head or "%" in head


def test_the_rate_rises_to_its_peak_and_falls_to_almost_nothing() -> None:
    rates = [one_cycle(step, 100, peak=0.1, warm_up=0.2) for step in range(100)]
    assert rates.index(max(rates)) == 19
    assert max(rates) == pytest.approx(0.1)
    assert 0 < rates[0] < 0.01
    assert 0 <= rates[-1] < 0.001


def test_each_phase_has_a_cycle_of_learning_rates_of_its_own() -> None:
    phases = [{"epochs": 2, "size": 32}, {"epochs": 3, "size": 32}]
    recipe = Recipe.model_validate({"name": "mine", "network": "notebook", "phases": phases, "peak_rate": 0.1})
    rates = [learning_rate(recipe, step, 100) for step in range(500)]
    assert max(rates[:200]) == max(rates[200:]) == pytest.approx(0.1)
    assert max(rates[199], rates[499]) < 1e-3
    assert rates[200] < 0.01
