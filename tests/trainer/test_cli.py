import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from moodline.errors import ConfigError
from moodline.manifest import MANIFEST_NAME, verify_model
from tests.support.wait import wait_until
from trainer import network
from trainer.__main__ import build_app, choose_backend, main
from trainer.check import agreements
from trainer.data import read_split, read_training
from trainer.recipe import read_recipe
from trainer.run import start_run
from trainer.run_folder import FACTS_NAME
from trainer.train import train

NOTEBOOK = Path(__file__).resolve().parents[2] / "trainer" / "recipes" / "notebook.toml"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder in the Kaggle layout with two emotions, four faces each."""
    rng = np.random.default_rng(0)
    for split in ("train", "validation"):
        for emotion in ("happy", "sad"):
            folder = tmp_path / "data" / split / emotion
            folder.mkdir(parents=True)
            for number in range(4):
                cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 255, (48, 48)).astype(np.uint8))
    return tmp_path / "data"


def test_a_missing_folder_is_one_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trainer", "data", "summary", str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path} has no split 'train'")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "said", "code"),
    [
        (["data", "summary", "{}/gone"], "{}/gone is not there", 2),
        (["train", "--data", "{}", "--out", "{}", "--recipe", "{}/latin.toml"], "latin.toml is no text in UTF-8", 2),
        (["ablate", "--data", "{}", "--out", "{}", "--plan", "{}/latin.toml"], "latin.toml is no text in UTF-8", 2),
        (["ablate", "--data", "{}", "--out", "{}/latin.toml/runs"], "Not a directory", 1),
    ],
)
def test_what_cannot_be_read_or_written_is_a_sentence(
    data: Path, command: list[str], said: str, code: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (data / "latin.toml").write_bytes("# größer".encode("latin-1"))
    monkeypatch.setattr("sys.argv", ["moodline", *(word.format(data) for word in command)])
    for name in ("signal.signal", "logging.basicConfig"):
        monkeypatch.setattr(name, lambda *_args, **_more: None)
    with pytest.raises(SystemExit) as ended:
        main()
    last = capsys.readouterr().err.splitlines()[-1]
    assert (last.startswith("error: "), said.format(data) in last, ended.value.code) == (True, True, code)


@pytest.mark.parametrize(
    ("chosen", "installed", "taken"),
    [("", "tensorflow jax", ""), ("", "jax torch", "jax"), ("", "torch", "torch"), ("jax", "tensorflow", "jax")],
)
def test_keras_runs_on_what_is_installed(
    chosen: str, installed: str, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", chosen)
    monkeypatch.setattr("trainer.__main__.find_spec", lambda name: name if name in installed.split() else None)
    choose_backend()
    assert os.environ["KERAS_BACKEND"] == taken
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(ConfigError, match="set it to one of tensorflow, jax, torch"):
        choose_backend()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["models", "compare", "any", "--data", "{}", "--into", "gone.md"], "'gone.md' does not exist"),
        (["models", "compare", "any", "--data", "{}", "--peer", "gone.hdf5"], "'gone.hdf5' does not exist"),
        (["ablate", "--data", "{}", "--out", "{}/runs", "--into", "gone.md"], "'gone.md' does not exist"),
        (["evaluate", "--data", "{}", "--model", "any", "--emotions", ","], "name at least two"),
    ],
)
def test_what_is_named_but_not_there_is_said_before_the_work(data: Path, command: list[str], said: str) -> None:
    done = CliRunner().invoke(build_app(), [word.format(data) for word in command])
    assert (done.exit_code, said in " ".join(done.output.replace("│", " ").split())) == (2, True), done.output
    assert not (data / "runs").exists()


def test_importing_the_trainer_loads_no_keras() -> None:
    code = "import sys, trainer.__main__, trainer.publish, trainer.train; print('keras' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == "False"


def test_evaluate_scores_a_kaggle_folder_on_chosen_emotions(data: Path) -> None:
    shutil.copy(data / "train" / "sad" / "1.png", data / "validation" / "sad" / "again.png")
    command = ["evaluate", "--model", "vgg11-ferplus", "--data", str(data), "--emotions", "happy,sad"]
    board = json.loads(CliRunner().invoke(build_app(), [*command, "--json"]).stdout)
    assert (board["model"].split("@")[0], board["split"], board["near_copies"]) == ("vgg11-ferplus", "validation", 1)
    assert [(one["labels"], one["near_copies_left_out"], one["faces"]) for one in board["scores"]] == [
        ("own labels", False, 9),
        ("own labels", True, 8),
    ]
    assert {"accuracy", "macro_f1", "ece", "recall", "precision"} <= board["scores"][0].keys()
    wrong = CliRunner().invoke(build_app(), [*command[:-1], "bored"])
    assert wrong.exit_code == 2
    nobody = CliRunner().invoke(build_app(), [*command[:-1], "disgust,fear"])
    assert "None of the 9 faces shows one of disgust, fear" in str(nobody.exception)


def test_evaluate_scores_faces_without_splits_against_those_that_were_trained_on(data: Path) -> None:
    command = ["evaluate", "--model", "vgg11-ferplus", "--data", str(data / "validation"), "--train", str(data)]
    shown = CliRunner().invoke(build_app(), [*command, "--mirrored"])
    assert shown.exit_code == 0, shown.output
    assert "0 faces have a near copy in train" in shown.output
    for picture in (data / "train").glob("*/*.png"):
        picture.unlink()
    board = json.loads(CliRunner().invoke(build_app(), [*command[:4], str(data), "--json"]).stdout)
    assert board["near_copies"] is None, "nobody knows the training faces"


@pytest.mark.usefixtures("no_engines")
def test_train_refuses_to_overwrite_a_run_and_goes_on_with_resume(
    data: Path, tiny_network: str, tmp_path: Path
) -> None:
    (tmp_path / "tiny.toml").write_text(
        f'network = "{tiny_network}"\nphases = [{{epochs = 1, size = 16}}]\nbatch = 4\nprecision = "float32"\n'
    )
    recipe, out = str(tmp_path / "tiny.toml"), str(tmp_path / "out")
    command = ["train", "--data", str(data), "--out", out, "--recipe", recipe]
    first = CliRunner().invoke(build_app(), command)
    assert first.exit_code == 0, first.output
    assert "report.html shows how it went" in first.output
    again = CliRunner().invoke(build_app(), command)
    assert (again.exit_code, "add --resume" in again.output) == (2, True)
    assert CliRunner().invoke(build_app(), [*command, "--resume"]).exit_code == 0

    models = tmp_path / "models"
    publish = ["models", "publish", out, "--data", str(data), "--as", "moods", "--registry", str(models)]
    done = CliRunner().invoke(build_app(), publish)
    assert done.exit_code == 0, done.output
    assert "moodline models use moods@1" in done.output
    assert verify_model(models / "moods" / "1").training.recipe == "tiny"
    assert CliRunner().invoke(build_app(), [*publish[:5], "--as", "Moods!"]).exit_code == 2
    assert CliRunner().invoke(build_app(), publish[:5]).exit_code == 2, "no name, no model"
    (tmp_path / "file").touch()
    unwritable = CliRunner().invoke(build_app(), [*publish[:-1], str(tmp_path / "file")])
    assert "file/moods cannot be written" in str(unwritable.exception)

    other = tmp_path / "other"
    shutil.copytree(data, other)
    shutil.copy(data / "train" / "sad" / "1.png", other / "train" / "happy" / "1.png")
    for asked in ([*command, "--resume"], publish):
        refused = CliRunner().invoke(build_app(), [str(other) if word == str(data) else word for word in asked])
        assert f"trained on other faces than {other} holds now" in str(refused.exception)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.data.read_training", read := Mock(wraps=read_training))
        judged = CliRunner().invoke(build_app(), ["report", out, "--data", str(other)])
    assert judged.exit_code == 0, judged.output
    assert [one.args[0] for one in read.call_args_list] == [other, data], "its batch norms are measured on its own"
    assert json.loads((tmp_path / "out" / FACTS_NAME).read_text())["data"] == str(data)


def test_where_nothing_can_begin_no_data_are_read(
    data: Path, tiny_network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.toml").write_text(
        f'network = "{tiny_network}"\nphases = [{{epochs = 1, size = 16}}]\nstart = "a"\n'
    )
    monkeypatch.setattr("trainer.data.read_training", lambda _path: pytest.fail("they were read"))
    command = ["train", "--data", str(data), "--recipe", str(tmp_path / "tiny.toml"), "--resume", "--out"]
    nothing = CliRunner().invoke(build_app(), [*command, str(tmp_path / "out")])
    assert (nothing.exit_code, "goes on from a run of 'a'" in nothing.output) == (2, True)
    below_a_file = CliRunner().invoke(build_app(), [*command, str(tmp_path / "tiny.toml" / "x"), "--start", "."])
    assert "tiny.toml/x cannot be written into" in str(below_a_file.exception)
    (tmp_path / "anew.toml").write_text(f'network = "{tiny_network}"\nphases = [{{epochs = 1, size = 16}}]\n')
    command = ["train", "--data", str(data), "--recipe", str(tmp_path / "anew.toml"), "--start", str(tmp_path)]
    useless = CliRunner().invoke(build_app(), [*command, "--out", str(tmp_path / "out")])
    assert (useless.exit_code, "starts from nothing" in useless.output) == (2, True)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("no_engines")
def test_a_run_of_the_notebooks_kind_stands_beside_the_models_that_ship(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(network.NETWORKS, "tiny_dense", ((4,), (6,), (8,), (8,)))
    monkeypatch.setitem(network.DENSE, "tiny_dense", (5, 5))
    text = re.sub(r'"notebook_dense"', '"tiny_dense"', NOTEBOOK.read_text()).replace("1e-3", "1e-30")
    text = text.replace("size = 48", "size = 16").replace("patience = 10", "patience = 1")
    (tmp_path / "notebook.toml").write_text(text)
    monkeypatch.setattr("trainer.train.library_versions", lambda: {"keras": "3", "torch": "2"})
    train(start_run(read_recipe(str(tmp_path / "notebook.toml"))), *read_training(data), tmp_path / "run")
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 1 + 2, "its patience was over"

    publish = ["models", "publish", str(tmp_path / "run"), "--data", str(data), "--as", "notebook"]
    done = CliRunner().invoke(build_app(), [*publish, "--registry", str(tmp_path / "models")])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "models" / "notebook" / "1"
    made = verify_model(folder).training
    assert (made.epochs, made.labels) == (1, "the data's own labels"), "the best one's weights"
    assert made.versions == {"keras": "3", "torch": "2"}, "those of who trained, not of who publishes"
    for one in agreements(folder, read_split(data, "validation")):
        assert one.greatest_difference < 0.01, one

    (tmp_path / "CARD.md").write_text("# Card\n")
    compare = ["models", "compare", "vgg11-fer2013", str(folder), "--data", str(data), "--into"]
    done = CliRunner().invoke(build_app(), [*compare, str(tmp_path / "CARD.md"), "--mirrored"])
    assert done.exit_code == 0, done.output
    rows = [line for line in (tmp_path / "CARD.md").read_text().splitlines() if "own labels" in line]
    assert [row.split(" | ")[0].split("@")[0] for row in rows] == ["| vgg11-fer2013", "| notebook"]


@pytest.mark.timeout(300)
def test_a_training_stops_in_order_when_it_is_asked_to(data: Path, tmp_path: Path) -> None:
    recipe, out = tmp_path / "long.toml", tmp_path / "out"
    recipe.write_text('network = "notebook"\nphases = [{epochs = 9999, size = 16}]\nbatch = 4\nprecision = "float32"\n')
    asked = ["train", "--data", str(data), "--out", str(out), "--recipe", str(recipe)]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen([sys.executable, "-m", "trainer", *asked], stderr=log) as training,
    ):
        try:
            wait_until(lambda: any(out.glob("epoch_*.npz")), description="an epoch is done", timeout=180)
            training.terminate()
            assert training.wait(timeout=60) == 130
        finally:
            training.kill()
    last = (tmp_path / "log").read_text().splitlines()[-1]
    assert re.fullmatch(r"stopped after \d+ epochs; go on with --resume", last)


@pytest.mark.usefixtures("no_engines")
def test_a_version_of_an_older_moodline_is_measured_by_quantise(committed_model: Path, data: Path) -> None:
    folder = data / "moods"
    shutil.copytree(committed_model, folder)
    manifest = json.loads((folder / MANIFEST_NAME).read_text())
    older = {name: value for name, value in manifest.items() if name not in ("int8_ranges", "losses")}
    (folder / MANIFEST_NAME).write_text(json.dumps(older))
    done = CliRunner().invoke(build_app(), ["models", "quantise", "--model", str(folder), "--data", str(data)])
    assert done.exit_code == 0, done.output
    assert len(verify_model(folder).int8_ranges) == 7
    assert not list(data.glob(".*")), "the folder was replaced whole"
