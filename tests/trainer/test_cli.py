import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from trainer.__main__ import app


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


def test_importing_the_trainer_loads_no_keras() -> None:
    code = "import sys, trainer.__main__, trainer.publish, trainer.train; print('keras' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == "False"


def test_evaluate_scores_a_kaggle_folder_on_chosen_emotions(data: Path, committed_model: Path) -> None:
    command = ["evaluate", "--model", str(committed_model), "--data", str(data), "--emotions", "happy,sad"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "validation, FER2013: 8 faces" in result.output
    wrong = CliRunner().invoke(app, [*command[:-1], "bored"])
    assert wrong.exit_code == 2


def test_train_refuses_to_overwrite_a_run_and_goes_on_with_resume(
    data: Path, tiny_network: str, tmp_path: Path
) -> None:
    (tmp_path / "tiny.toml").write_text(
        f'network = "{tiny_network}"\nphases = [{{epochs = 1, size = 16}}]\nbatch = 4\nprecision = "float32"\n'
    )
    recipe, out = str(tmp_path / "tiny.toml"), str(tmp_path / "out")
    command = ["train", "--data", str(data), "--out", out, "--recipe", recipe]
    assert CliRunner().invoke(app, command).exit_code == 0
    again = CliRunner().invoke(app, command)
    assert (again.exit_code, "add --resume" in again.output) == (2, True)
    assert CliRunner().invoke(app, [*command, "--resume"]).exit_code == 0
