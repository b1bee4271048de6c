import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray

from trainer import network
from trainer.augment import scaled
from trainer.average import measure_norms, predict
from trainer.evaluate import load_file
from trainer.export import Output, inference_model, save_half
from trainer.metrics import softmax
from trainer.network import build_network
from worker.engines.convert import convert


@pytest.fixture
def trained(tiny_network: str) -> Any:
    """A network whose batch norms have seen faces, as after training."""
    model = build_network(tiny_network, classes=7, seed=5)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable + rng.normal(0, 0.2, variable.shape))
    measure_norms(model, _faces(64))
    return model


def _faces(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).integers(0, 256, (count, 48, 48, 1)).astype(np.float32)


def test_folding_batch_norm_changes_no_probability(trained: Any) -> None:
    faces = _faces(32)
    expected = softmax(predict(trained, faces))
    assert expected.std(axis=0).max() > 0.01, "the faces should not all look alike to the network"
    np.testing.assert_allclose(predict(inference_model(trained, side=48), faces), expected, atol=1e-4)


def test_hidden_dense_layers_are_folded_too(tiny_network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(network.DENSE, tiny_network, (12, 9))
    model = build_network(tiny_network, classes=7, dropout=0.3, side=48, seed=5)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable + rng.normal(0, 0.2, variable.shape))
    measure_norms(model, _faces(64))
    faces = _faces(32)
    expected = softmax(predict(model, faces))
    assert expected.std(axis=0).max() > 0.01
    np.testing.assert_allclose(predict(inference_model(model, side=48), faces), expected, atol=1e-4)


@pytest.mark.parametrize("side", [16, 48])
def test_openvino_takes_dense_layers_over_a_map_in_any_batch(
    side: int, tiny_network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(network.DENSE, tiny_network, (12, 9))
    model = build_network(tiny_network, classes=7, side=side, seed=5)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable + rng.normal(0, 0.2, variable.shape))
    measure_norms(model, scaled(_faces(64)[..., 0].astype(np.uint8), side))
    shipped = inference_model(model, side)
    save_half(shipped, tmp_path / "model.keras")
    convert(tmp_path / "model.keras", tmp_path / "model.xml")
    compiled = openvino.Core().compile_model(tmp_path / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for count in (1, 5):
        expected = predict(shipped, _faces(5))[:count]
        np.testing.assert_allclose(compiled([_faces(5)[:count]])[0], expected, atol=3e-3)
    assert expected.std(axis=0).max() > 0.02


def test_the_temperature_is_part_of_the_graph(trained: Any) -> None:
    faces = _faces(8)
    expected = softmax(predict(trained, faces) / 1.7)
    calibrated = inference_model(trained, 48, Output(temperature=1.7))
    np.testing.assert_allclose(predict(calibrated, faces), expected, atol=1e-4)


def test_one_head_of_two_ships_with_its_adjustment(trained: Any) -> None:
    faces = _faces(8)
    shift = np.array([0.0, 1.0, -1.0])
    expected = softmax(predict(trained, faces)[:, 2:5] + shift)
    shipped = inference_model(trained, 48, Output(columns=(2, 3, 4), shift=shift))
    np.testing.assert_allclose(predict(shipped, faces), expected, atol=1e-4)


def test_a_network_for_small_faces_scales_them_itself_as_training_did(trained: Any) -> None:
    from trainer.augment import scaled

    faces = _faces(8)
    small = scaled(faces[..., 0].astype(np.uint8), 32)
    expected = softmax(predict(trained, small))
    # OpenCV rounds the scaled pixels to whole grey values, Keras does not.
    np.testing.assert_allclose(predict(inference_model(trained, side=32), faces), expected, atol=0.02)


def test_float16_weights_load_as_float32_and_keep_the_labels(trained: Any, tmp_path: Path) -> None:
    model = inference_model(trained, side=48)
    model.save(tmp_path / "full.keras")
    save_half(model, tmp_path / "half.keras")
    loaded = load_file(tmp_path / "half.keras")
    assert {variable.dtype for variable in loaded.variables} == {"float32"}
    expected, found = predict(model, _faces(64)), predict(loaded, _faces(64))
    np.testing.assert_allclose(found, expected, atol=3e-3)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.98


def test_the_same_model_is_the_same_file(trained: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_half(inference_model(trained, side=48), tmp_path / f"{name}.keras")
    with zipfile.ZipFile(tmp_path / "one.keras") as one, zipfile.ZipFile(tmp_path / "two.keras") as two:
        assert one.read("model.weights.h5") == two.read("model.weights.h5")


def test_only_stock_layers_are_in_the_file(trained: Any, tmp_path: Path) -> None:
    save_half(inference_model(trained, side=48), tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
    assert {layer["module"] for layer in layers} == {"keras.layers"}
    assert {layer["registered_name"] for layer in layers} == {None}
