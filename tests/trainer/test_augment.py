import numpy as np
import pytest

from trainer.augment import augmented, scaled
from trainer.batches import epoch_batches, steps_per_epoch
from trainer.data import Faces
from trainer.labels import targets
from trainer.recipe import Augmentation, Recipe

NONE = Augmentation(shift=0, turn=0, zoom=0, mirror=0, light=0, contrast=0, cutout=0)


@pytest.mark.parametrize("side", [32, 48])
def test_no_augmentation_is_scaling_alone(faces: Faces, side: int) -> None:
    changed = augmented(faces.images, side, NONE, np.random.default_rng(0))
    np.testing.assert_allclose(changed, scaled(faces.images, side), atol=1.5)  # OpenCV's rounding


def test_mirroring_is_exact(faces: Faces) -> None:
    how = NONE.model_copy(update={"mirror": 1.0})
    changed = augmented(faces.images, 48, how, np.random.default_rng(0))
    np.testing.assert_allclose(changed[..., 0], faces.images[:, :, ::-1], atol=1)


def test_values_stay_grey_values_and_faces_differ(faces: Faces) -> None:
    changed = augmented(faces.images, 48, Augmentation(), np.random.default_rng(0))
    assert changed.shape == (len(faces), 48, 48, 1)
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert np.abs(changed[..., 0] - faces.images).mean() > 5


def test_batches_depend_on_seed_epoch_and_step_alone(faces: Faces, tiny_recipe: Recipe) -> None:
    goal = targets(faces, tiny_recipe.labels)
    first, again, later = (list(epoch_batches(faces, goal, tiny_recipe, epoch)) for epoch in (0, 0, 1))
    assert len(first) == steps_per_epoch(len(faces), tiny_recipe.batch) == 5
    np.testing.assert_array_equal(first[3][0], again[3][0])
    assert np.abs(first[3][0] - later[3][0]).max() > 0


def test_the_faces_size_follows_the_recipes_phases(faces: Faces, tiny_recipe: Recipe) -> None:
    goal = targets(faces, tiny_recipe.labels)
    sides = [next(epoch_batches(faces, goal, tiny_recipe, epoch))[0].shape[1] for epoch in range(3)]
    assert sides == [16, 16, 32]
