"""How far activations reach, and what a lower precision costs."""

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moodline.emotions import EMOTIONS
from moodline.errors import ModelError
from moodline.manifest import LEAST_SAME_LABEL, MOST_ACCURACY_LOST, PrecisionLoss, read_manifest
from trainer.data import Faces
from trainer.evaluate import load_file, probabilities
from trainer.export import inference_model, save_half
from trainer.network import build_network
from trainer.precision import activation_ranges, best_end, loss_of, measure_precisions


def test_a_range_leaves_out_what_lies_far_beyond_nearly_everything() -> None:
    counts = np.zeros(1000)
    counts[:100] = 1000  # values from 0 to 1 ...
    assert best_end(counts, 10.0) == pytest.approx(1.0, abs=0.06)
    counts[999] = 1  # ... and a single 10
    assert 1 < best_end(counts, 10.0) < 10
    counts[:] = 1000
    assert best_end(counts, 10.0) == 10.0


def test_there_is_a_range_for_each_convolution_but_the_first(tiny_network: str, faces: Faces, tmp_path: Path) -> None:
    trained = build_network(tiny_network, classes=7, seed=5)
    save_half(inference_model(trained, side=48), tmp_path / "model.keras")
    model = load_file(tmp_path / "model.keras")
    ranges = activation_ranges(model, faces.images)
    first = model.layers[[layer.name for layer in model.layers].index("block1_pool")]
    import keras

    seen = np.asarray(keras.Model(model.inputs, first.output)([faces.images[..., None].astype(np.float32)]))
    assert len(ranges) == 4  # of five convolutions
    assert 0.1 * seen.max() <= ranges[0] <= seen.max() + 1e-3


def test_the_loss_is_that_of_the_labels_where_most_is_lost(faces: Faces) -> None:
    right = np.eye(7, dtype=np.float32)[faces.labels]
    wrong = right.copy()
    wrong[:4] = np.roll(wrong[:4], 1, axis=1)
    loss = loss_of(wrong, right, faces, EMOTIONS)
    assert (loss.faces, loss.same_label, loss.accuracy_lost) == (40, 0.9, 0.1)
    assert loss_of(right, wrong, faces, EMOTIONS).accuracy_lost == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("same_label", "accuracy_lost", "small"),
    [
        (LEAST_SAME_LABEL, MOST_ACCURACY_LOST, True),
        (LEAST_SAME_LABEL - 0.001, 0.0, False),
        (1.0, MOST_ACCURACY_LOST + 0.001, False),
    ],
)
def test_a_loss_is_small_up_to_both_bounds(same_label: float, accuracy_lost: float, small: bool) -> None:
    assert PrecisionLoss(faces=1, same_label=same_label, accuracy_lost=accuracy_lost).small is small


def test_measuring_again_replaces_what_the_card_says(
    committed_model: Path, faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(committed_model, folder)

    def answers(_folder: Path, images: Any) -> dict[str, Any]:
        return {"openvino-int8": np.tile(np.eye(7, dtype=np.float32)[6], (len(images), 1))}

    monkeypatch.setattr("trainer.precision.engine_answers", answers)
    manifest = measure_precisions(folder, faces, faces)
    assert manifest == read_manifest(folder)
    assert list(manifest.losses) == ["int8"]
    assert not manifest.allows("int8")
    assert len(manifest.int8_ranges) == 7
    card = (folder / "MODEL_CARD.md").read_text()
    assert card.count("## In lower precision") == 1
    assert "| no |" in card
    assert "| bf16 |" not in card


@pytest.mark.parametrize(("difference", "refused"), [(0.009, False), (0.012, True), (float("nan"), True)])
def test_what_an_engine_takes_for_another_model_is_not_published(
    difference: float,
    refused: bool,
    committed_model: Path,
    faces: Faces,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(committed_model, folder)
    answers = probabilities(load_file(folder / "model.keras"), faces)
    answers[3, 2] += difference
    monkeypatch.setattr("trainer.precision.engine_answers", lambda *_asked: {"openvino-f32": answers})
    with pytest.raises(ModelError, match=r"openvino-f32 .* differs by (0\.012|nan)") if refused else nullcontext():
        measure_precisions(folder, faces, faces)
