from pathlib import Path

import pytest

from trainer.recipe import RecipeError, known_recipes, read_recipe
from trainer.schedule import one_cycle


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
        ("network = 'vgg99'", "there is no network 'vgg99', only notebook, vgg11"),
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


def test_the_rate_rises_to_its_peak_and_falls_to_almost_nothing() -> None:
    rates = [one_cycle(step, 100, peak=0.1, warm_up=0.2) for step in range(100)]
    assert rates.index(max(rates)) == 19
    assert max(rates) == pytest.approx(0.1)
    assert 0 < rates[0] < 0.01
    assert 0 <= rates[-1] < 0.001
