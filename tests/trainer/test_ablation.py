"""Variants of a recipe, trained and compared."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from trainer import check
from trainer.__main__ import build_app
from trainer.ablation.answers import kept_answers
from trainer.ablation.plan import read_plan
from trainer.ablation.table import paired_difference
from trainer.data import Faces
from trainer.recipe import RecipeError, read_recipe

PLANS = Path(__file__).resolve().parents[2] / "trainer" / "plans"
HEAD = """
title = "What is it worth?"
recipe = "quick"
"""


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_plan_that_ships_changes_what_it_says_and_says_what_it_costs(path: Path) -> None:
    plan = read_plan(path.stem)
    first, *others = plan.recipes().values()
    for variant, recipe in zip(plan.variants[1:], others, strict=True):
        changed = {key for key, value in recipe.model_dump().items() if value != first.model_dump()[key]}
        assert changed == {"name", *variant.changes}, variant.name
    assert re.search(r"(Estimate, not measured:|Measured) .*\d+\s(# )?minutes for all", path.read_text(), re.DOTALL)


def test_hard_labels_are_among_what_is_tried() -> None:
    assert read_plan("ablation").recipes()["hard-labels"].labels.hard
    assert not read_recipe("fer2013").labels.hard


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "variants: Field required"),
        ("[[variants]]\nname = 'a'\n[[variants]]\nname = 'a'", "there are two variants 'a'"),
        ("[[variants]]\nname = 'a'\nchanges.labels.smooth = 1", "variant 'a': labels.smooth: Extra inputs"),
        ("[[variants]]\nname = 'a'\nchanges.dropout = 2", "variant 'a': dropout: Input should be less"),
        (
            "[[variants]]\nname = 'a'\nchanges.start = 'default'",
            "variant 'a': the recipe goes on from a run of 'default'",
        ),
        ("[[variants]", "is no TOML"),
    ],
)
def test_a_wrong_plan_names_the_variant_and_the_setting(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(HEAD + text)
    with pytest.raises(RecipeError, match=r"mine") as caught:
        read_plan(str(tmp_path / "mine.toml"))
    assert message in str(caught.value)


def test_an_unknown_plan_is_answered_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match="use one of ablation, networks"):
        read_plan("all")


def test_the_interval_is_of_pairs_on_the_same_faces() -> None:
    base = np.arange(100) < 60
    better = base.copy()
    better[60:70] = True
    gain, spread = paired_difference(better, base)
    assert gain == pytest.approx(0.1)
    assert spread == pytest.approx(1.96 * np.sqrt(0.1 * 0.9 / 100))
    assert paired_difference(base, base) == (0, 0)


@pytest.fixture
def command(
    faces: Faces, validation: Faces, tiny_network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """A command that trains two variants of a tiny recipe, measures their cost, and writes into a page."""
    monkeypatch.setattr("trainer.data.read_training", lambda _path: (faces, validation))
    monkeypatch.setattr("trainer.ablation.cost.engine_speeds", lambda folder: {"tensorflow": float(len(folder.parts))})
    (tmp_path / "tiny.toml").write_text(
        f'network = "{tiny_network}"\nphases = [{{epochs = 2, size = 16}}]\nbatch = 8\nprecision = "float32"\n'
        "labels = {two_heads = true, fer2013_weight = 0.5}\n"
    )
    (tmp_path / "mine.toml").write_text(
        f'title = "Two of them."\nrecipe = "{tmp_path / "tiny.toml"}"\nshare = 0.8\nprior_shifts = [0.5]\ncost = true\n'
        "[[variants]]\nname = 'base'\ntitle = 'as it is'\n"
        "[[variants]]\nname = 'own'\nchanges.labels = {two_heads = false, fer2013_weight = 1.0}\n"
    )
    (tmp_path / "page.md").write_text("# Page\n\n<!-- mine -->\nold\n<!-- end of mine -->\n\nThe end.\n")
    files = ["--plan", str(tmp_path / "mine.toml"), "--into", str(tmp_path / "page.md")]
    return ["ablate", "--data", str(tmp_path), "--out", str(tmp_path / "out"), *files]


@pytest.mark.usefixtures("no_engines")
def test_what_is_broken_off_goes_on_and_what_is_done_is_not_done_again(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as stopped:
        stopped.setattr("trainer.train.write_history", _stop_in("own"))
        first = CliRunner().invoke(build_app(), command)
    assert (first.exit_code, "the same command goes on" in first.output) == (130, True)
    assert kept_answers(out / "base") is not None
    assert kept_answers(out / "own") is None
    trained = (out / "base" / "history.csv").stat().st_mtime_ns
    asked = json.loads((out / "base" / "asked.json").read_text())
    assert asked["recipe"]["labels"].pop("teacher") == 0, "an older moodline did not know it"
    (out / "base" / "asked.json").write_text(json.dumps(asked))

    caplog.set_level("INFO")
    done = CliRunner().invoke(build_app(), command)
    assert done.exit_code == 0, done.output
    assert (out / "base" / "history.csv").stat().st_mtime_ns == trained
    assert [text for text in caplog.messages if "variant" in text] == [
        "variant 1 of 2, base: done before",
        "variant 2 of 2, own",
    ]
    assert any(text.startswith("going on from") and "own" in text for text in caplog.messages)

    page = (tmp_path / "page.md").read_text()
    assert page.startswith("# Page\n\n<!-- mine -->\nTwo of them.")
    assert page.endswith("<!-- end of mine -->\n\nThe end.\n"), "in the place of the old one"
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| own |")]
    assert len(rows) == 4, "both kinds of labels, the training's cost and that of inference"
    assert all(re.fullmatch(r"[+-]\d+\.\d ± \d+\.\d", row[2]) for row in rows[:2])
    assert rows[2][1:3] == ["32", "8"], "four fifths of 40 faces, two epochs of four batches"
    assert page.count("| as it is, prior_shift 0.5 |") == 2
    lines = list(csv.DictReader((out / "mine.csv").open()))
    assert len(lines) == 2 * 2 * 3
    assert {line["variant"] for line in lines} == {"as it is", "own", "as it is, prior_shift 0.5"}

    (tmp_path / "mine.toml").write_text((tmp_path / "mine.toml").read_text().replace("0.8", "0.7"))
    other = CliRunner().invoke(build_app(), command)
    assert "was trained with another share" in str(other.exception)


def _stop_in(variant: str) -> object:
    """What stands for Ctrl-C after the first epoch of a variant."""
    from trainer.checkpoint import RunState, write_history

    def stop(folder: Path, state: RunState) -> None:
        write_history(folder, state)
        if folder.name == variant:
            raise KeyboardInterrupt

    return stop


def test_every_engine_that_runs_here_is_timed(committed_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_TIMED_S", 0.01)
    speeds = check.engine_speeds(committed_model)
    assert {"tensorflow", "openvino-f32"} <= speeds.keys()
    assert min(speeds.values()) > 1
