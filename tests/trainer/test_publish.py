import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import openvino
import pytest

from moodline.errors import ModelError
from moodline.manifest import read_manifest
from trainer.data import Faces
from trainer.evaluate import load_model, probabilities, split_scores
from trainer.final import Choice
from trainer.publish import publish_run, put_back, write_folder
from worker.engines.openvino import cpu_precisions

# A `TinyRun` of conftest.py, which test folders cannot import.
TinyRun = Any
ROOT = Path(__file__).resolve().parents[2]


def test_a_run_becomes_a_model_folder_that_says_what_is_in_it(tiny_run: TinyRun, tmp_path: Path) -> None:
    target = tmp_path / "models" / "tiny" / "3"
    faces, validation = tiny_run.faces, tiny_run.validation
    choice = Choice(note="Only\na test.", data="faces-2013")
    manifest = publish_run(tiny_run.folder, faces, validation, target, choice=choice)
    assert (manifest.name, manifest.version, manifest.training.epochs) == ("tiny", 3, 3)
    assert sorted(path.name for path in target.iterdir()) == ["MODEL_CARD.md", "manifest.json", "model.keras"]
    assert [path.name for path in target.parent.iterdir()] == ["3"]
    found = probabilities(load_model(target), validation)
    assert split_scores(found, validation, "validation", mirrored=False, near_copies=0) == manifest.scores[0]
    card = (target / "MODEL_CARD.md").read_text()
    assert "Only a test." in card
    assert "the train split of faces-2013, once each" in card
    assert "On the `validation` split of the data that it was made from (named below)" in card
    assert "| near copies |" in card
    assert re.search(r"- \d+% of the faces that are \w+ are called \w+\.", card)
    assert "Article 5(1)(f)" in card
    published = read_manifest(target)
    assert len(published.int8_ranges) == 4, "of five convolutions all but the first"
    assert set(published.losses) == set(cpu_precisions(openvino.Core())) - {"f32"}, "each was measured"
    assert ("## In lower precision" in card) == bool(published.losses)

    with pytest.raises(ModelError, match="is published already"):
        publish_run(tiny_run.folder, faces, validation, target)


def test_a_folder_without_a_run_is_named(faces: Faces, validation: Faces, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no checkpoint: train first"):
        publish_run(tmp_path, faces, validation, tmp_path / "models" / "tiny" / "1")


def _write_half_and_fail(folder: Path) -> None:
    (folder / "model.keras").write_text("half")
    raise KeyboardInterrupt


def test_publishing_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "name" / "1", _write_half_and_fail, replace=False)
    assert list((tmp_path / "name").iterdir()) == []


def test_replacing_that_fails_leaves_the_old_version(tmp_path: Path) -> None:
    target = tmp_path / "name" / "1"
    write_folder(target, partial(_write, text="old"), replace=True)
    with pytest.raises(KeyboardInterrupt):
        write_folder(target, _write_half_and_fail, replace=True)
    assert (target / "model.keras").read_text() == "old"
    write_folder(target, partial(_write, text="new"), replace=True)
    assert (target / "model.keras").read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["1"]


def test_of_two_publishers_the_second_replaces_nothing_unasked(tmp_path: Path) -> None:
    target = tmp_path / "name" / "1"

    def write(folder: Path) -> None:
        _write(folder, "second")
        write_folder(target, partial(_write, text="first"), replace=False)

    with pytest.raises(ModelError, match="is published already"):
        write_folder(target, write, replace=False)
    assert (target / "model.keras").read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["1"]


def test_a_version_that_a_killed_publisher_put_aside_is_taken_back(tmp_path: Path) -> None:
    target = tmp_path / "name" / "1"
    write_folder(target, partial(_write, text="old"), replace=False)
    code = (
        "import os, pathlib, sys; from trainer import publish; publish._put = lambda *_: os._exit(9)\n"
        "publish.write_folder(pathlib.Path(sys.argv[1]), lambda _: None, replace=True)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(target)], check=False, cwd=ROOT)
    assert (killed.returncode, target.exists()) == (9, False)
    put_back(target.parent)
    assert (target / "model.keras").read_text() == "old"


def test_nobody_sees_a_folder_that_is_being_written(tmp_path: Path) -> None:
    target = tmp_path / "name" / "1"
    seen: list[bool] = []

    def write(folder: Path) -> None:
        _write(folder, "whole")
        seen.append(target.exists())

    write_folder(target, write, replace=False)
    assert seen == [False]


def _write(folder: Path, text: str) -> None:
    (folder / "model.keras").write_text(text)


def test_a_manifest_written_is_the_manifest_read(committed_model: Path) -> None:
    manifest = read_manifest(committed_model)
    text = manifest.model_dump_json(indent=2, by_alias=True) + "\n"
    assert (committed_model / "manifest.json").read_text() == text
