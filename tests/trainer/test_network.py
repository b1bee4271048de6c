from pathlib import Path

import numpy as np
import pytest

from trainer.network import NETWORKS, build_network, flops_per_face


@pytest.mark.parametrize("name", ["notebook", "vgg11"])
@pytest.mark.parametrize("side", [32, 48])
def test_both_networks_take_faces_of_both_sizes_and_give_a_logit_for_each_emotion(name: str, side: int) -> None:
    model = build_network(name, classes=7)
    assert model(np.zeros((2, side, side, 1), np.float32)).shape == (2, 7)


def test_layers_are_named_after_their_block_as_keras_names_them_in_its_own_vgg() -> None:
    names = [layer.name for layer in build_network("notebook", classes=7).layers]
    assert [name for name in names if "conv" in name] == [
        f"block{block}_conv{index}" for block in (1, 2, 3, 4) for index in (1, 2)
    ]


def test_configuration_a_has_eight_convolutions() -> None:
    assert [width for block in NETWORKS["vgg11"] for width in block] == [
        64,
        128,
        256,
        256,
        512,
        512,
        512,
        512,
    ]


def test_cost_of_the_notebooks_network_is_what_was_measured() -> None:
    assert flops_per_face("notebook", side=48, classes=7) == pytest.approx(0.94e9, rel=0.01)
    assert build_network("notebook", classes=7).count_params() == pytest.approx(4.7e6, rel=0.01)


def test_the_original_stack_has_three_dense_layers_and_their_cost_counts() -> None:
    model = build_network("notebook_dense", classes=7, dropout=0.25, side=48)
    widths = [layer.units for layer in model.layers if hasattr(layer, "units")]
    assert (len(widths), widths[-1]) == (3, 7)
    weights = sum(layer.kernel.shape[0] * layer.units for layer in model.layers if hasattr(layer, "units"))
    pooled = flops_per_face("notebook", side=48, classes=7) - 2 * 512 * 7
    assert flops_per_face("notebook_dense", side=48, classes=7) == pooled + 2 * weights


def test_a_saved_network_gives_the_same_after_loading(tiny_network: str, tmp_path: Path) -> None:
    import keras

    model = build_network(tiny_network, classes=7, seed=3)
    faces = np.random.default_rng(0).uniform(0, 255, (3, 48, 48, 1)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(faces), model(faces), atol=1e-6)


def test_the_same_seed_builds_the_same_network(tiny_network: str) -> None:
    one, same, other = (build_network(tiny_network, classes=7, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.get_weights()[0], same.get_weights()[0])
    assert np.abs(one.get_weights()[0] - other.get_weights()[0]).max() > 0
