import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer import network
from trainer.average import load_average, predict
from trainer.checkpoint import (
    CheckpointError,
    RunState,
    load_checkpoint,
    newest_checkpoint,
    read_state,
    save_checkpoint,
)
from trainer.data import DataError
from trainer.publish import finished_run
from trainer.recipe import Phase, Recipe
from trainer.run import resume, start_run
from trainer.run_folder import BOARD_FOLDER, FACTS_NAME, data_of, refuse_other_data, write_facts
from trainer.train import train

# A `TinyRun` of conftest.py, which test folders cannot import.
TinyRun = Any


def test_a_resumed_run_is_the_same_run(tiny_run: TinyRun, tiny_recipe: Recipe, tmp_path: Path) -> None:
    # What a crash in the second epoch leaves behind: the first epoch's checkpoint.
    shutil.copy(tiny_run.folder / "epoch_001.npz", tmp_path)
    run = start_run(tiny_recipe)
    assert resume(run, tmp_path)
    train(run, tiny_run.faces, tiny_run.validation, tmp_path)
    assert len(run.variables) == len(tiny_run.run.variables)
    for one, other in zip(run.variables, tiny_run.run.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5, err_msg=one.path)
    losses = [[record["loss"] for record in one.state.history] for one in (run, tiny_run.run)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_what_batch_norms_measure_is_not_blurred_by_dropout(
    tiny_run: TinyRun, tiny_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(network.DENSE, tiny_recipe.network, (12, 9))
    recipe = tiny_recipe.model_copy(update={"dropout": 0.5, "phases": (Phase(epochs=1, size=16),)})
    run = start_run(recipe)
    measured = []
    for _ in range(2):
        run.average(tiny_run.faces, 16)
        measured.append([np.array(variable.numpy()) for variable in run.averaged.non_trainable_variables])
    for one, other in zip(*measured, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_leaves_checkpoints_and_a_history(tiny_run: TinyRun, tiny_recipe: Recipe) -> None:
    assert newest_checkpoint(tiny_run.folder) == tiny_run.folder / "epoch_003.npz"
    assert read_state(tiny_run.folder / "epoch_003.npz").recipe == tiny_recipe.model_dump(mode="json")
    lines = (tiny_run.folder / "history.csv").read_text().splitlines()
    assert lines[0] == "epoch,size,loss,accuracy,rate,validation_loss,validation,validation_four"
    assert len(lines) == 4
    assert not list(tiny_run.folder.glob("*.tmp"))


def test_a_run_can_be_given_other_epochs_but_no_other_recipe(tiny_run: TinyRun, tiny_recipe: Recipe) -> None:
    longer = tiny_recipe.model_copy(update={"phases": (Phase(epochs=9, size=16),)})
    assert resume(start_run(longer), tiny_run.folder)
    with pytest.raises(CheckpointError, match="made with another batch"):
        resume(start_run(longer.model_copy(update={"batch": 4})), tiny_run.folder)


def test_a_checkpoint_of_another_network_is_refused(tiny_run: TinyRun) -> None:
    with pytest.raises(CheckpointError, match="of another network"):
        load_checkpoint(tiny_run.folder / "epoch_003.npz", tiny_run.run.variables[1:])


def test_a_damaged_checkpoint_is_one_sentence(tiny_run: TinyRun, tmp_path: Path) -> None:
    whole = (tiny_run.folder / "epoch_003.npz").read_bytes()
    path = tmp_path / "epoch_004.npz"
    np.savez(path, v0000=np.zeros(3))
    for content in (path.read_bytes(), whole[:-100], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(
            CheckpointError, match=r"epoch_004.npz is damaged, or no checkpoint of moodline: restore it"
        ):
            load_checkpoint(path, tiny_run.run.variables)


def test_checkpoints_are_counted_by_their_number(tmp_path: Path) -> None:
    for name in ("epoch_mine.npz", "epoch_997.npz", "epoch_998.npz", "epoch_999.npz"):
        (tmp_path / name).touch()
    save_checkpoint(tmp_path, RunState({}, epochs_done=1000), [])
    assert newest_checkpoint(tmp_path) == tmp_path / "epoch_1000.npz"
    assert {path.name for path in tmp_path.iterdir()} == {
        "epoch_mine.npz", "epoch_998.npz", "epoch_999.npz", "epoch_1000.npz",
    }  # fmt: skip


def test_the_averaged_network_has_weights_and_norms_of_its_own(tiny_run: TinyRun) -> None:
    run = tiny_run.run
    probe = tiny_run.faces.images[:8, ..., None].astype(np.float32)
    measured = predict(run.averaged, probe)
    assert np.abs(measured - predict(run.model, probe)).max() > 1e-4
    norm = run.averaged.get_layer("block1_norm1")
    norm.moving_mean.assign(norm.moving_mean + 1.0)
    run.average(tiny_run.faces, 32)
    np.testing.assert_allclose(predict(run.averaged, probe), measured, atol=1e-5)


def test_an_optimizer_without_an_average_is_named() -> None:
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD())
    with pytest.raises(ValueError, match="use_ema=True"):
        load_average(model, model)


def test_a_run_ends_when_its_patience_does_and_its_best_epoch_counts(
    tiny_run: TinyRun, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    # So small a rate changes nothing: the first epoch stays the best one.
    still = {"peak_rate": 1e-30, "schedule": "constant", "optimizer": "rmsprop", "weight_decay": 0.0, "patience": 1}
    recipe = tiny_recipe.model_copy(update={**still, "average": 0.0, "phases": (Phase(epochs=9, size=16),)})
    run = start_run(recipe)
    train(run, tiny_run.faces, tiny_run.validation, tmp_path)
    assert run.state.epochs_done == 2
    again = start_run(recipe)
    assert resume(again, tmp_path)
    train(again, tiny_run.faces, tiny_run.validation, tmp_path)
    assert again.state.epochs_done == 2, "a run that has ended does not go on"
    done = finished_run(tmp_path)
    assert (done.epoch, done.state.epochs_done, done.side) == (1, 2, 16)
    iterations = done.model.optimizer.iterations.numpy()
    assert iterations == run.model.optimizer.iterations.numpy() / 2, "the weights are those of the first epoch"


def test_the_best_epochs_checkpoint_is_kept_beside_the_newest(tmp_path: Path) -> None:
    state = RunState({})
    for loss in (3.0, 1.0, 2.0, 2.0, 2.0, 2.0):
        state.add_epoch({"validation_loss": loss}, seconds=1)
        save_checkpoint(tmp_path, state, [])
    assert [path.name for path in sorted(tmp_path.iterdir())] == [f"epoch_00{epoch}.npz" for epoch in (2, 4, 5, 6)]
    assert (state.best_epoch, state.is_over(9, patience=4), state.is_over(9, patience=5)) == (2, True, False)


def test_epochs_are_logged_for_tensorboard(tiny_run: TinyRun) -> None:
    import tensorflow as tf

    logs = [str(path) for path in (tiny_run.folder / BOARD_FOLDER).iterdir()]
    found: dict[str, list[float]] = {}
    for record in tf.data.TFRecordDataset(logs):
        for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value:
            found.setdefault(value.tag, []).append(value.simple_value)
    history = tiny_run.run.state.history
    assert found["validation_loss"] == pytest.approx([record["validation_loss"] for record in history])
    assert found.keys() == history[0].keys()


def test_the_folder_says_what_was_run_on_what_and_when(tiny_run: TinyRun, tiny_recipe: Recipe, tmp_path: Path) -> None:
    for _ in range(2):
        write_facts(tmp_path / "run", tiny_recipe, tmp_path, {"train": tiny_run.faces})
    facts = json.loads((tmp_path / "run" / FACTS_NAME).read_text())
    assert (facts["seed"], facts["faces"], len(facts["started_at"])) == (tiny_recipe.seed, {"train": 40}, 2)
    assert facts["versions"].keys() >= {"python", "keras", "numpy"}
    assert data_of(tmp_path / "run") == tmp_path
    with pytest.raises(DataError, match="add --data"):
        data_of(tmp_path)
    (tmp_path / FACTS_NAME).write_text("{")
    with pytest.raises(CheckpointError, match=r"run.json is damaged: put it right"):
        write_facts(tmp_path, tiny_recipe, tmp_path, {"train": tiny_run.faces})


def test_other_faces_than_a_run_was_trained_on_are_refused(
    tiny_run: TinyRun, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    own, fewer = {"train": tiny_run.faces}, {"train": tiny_run.validation}
    relabelled = {"train": replace(tiny_run.faces, labels=tiny_run.faces.labels[::-1].copy())}
    refuse_other_data(tmp_path, tmp_path, own)  # nobody knows
    write_facts(tmp_path, tiny_recipe, tmp_path / "its-own", own)
    refuse_other_data(tmp_path, tmp_path / "copied", own)
    for others in (fewer, relabelled):
        with pytest.raises(DataError, match=r"on other faces than \S+/other holds now, .* name .* \(\S+/its-own\)"):
            refuse_other_data(tmp_path, tmp_path / "other", others)

    facts = json.loads((tmp_path / FACTS_NAME).read_text())
    del facts["digests"]  # as runs of before
    (tmp_path / FACTS_NAME).write_text(json.dumps(facts))
    refuse_other_data(tmp_path, tmp_path / "other", relabelled)
    with pytest.raises(DataError, match="on other faces than"):
        refuse_other_data(tmp_path, tmp_path / "other", fewer)
