import numpy as np
import pytest

from trainer.augment import augmented, mixed, scaled
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


def test_faces_are_blended_in_the_shares_of_their_labels() -> None:
    # Each face is as bright as the number of its label, so brightness tells which labels a blend should have.
    labels = np.eye(7, dtype=np.float32)[np.arange(70) % 7]
    brightness = (labels @ np.arange(7) * 40).astype(np.float32)
    images = np.broadcast_to(brightness, (8, 8, 1, 70)).transpose(3, 0, 1, 2)
    blended, shares = mixed(images, labels, 0.4, np.random.default_rng(0))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(blended.mean(axis=(1, 2, 3)), shares @ np.arange(7) * 40, rtol=1e-4)
    assert np.count_nonzero((shares > 0.05) & (shares < 0.95)) > 20, "some are blended well"
    same, untouched = mixed(images, labels, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(same, images)
    np.testing.assert_array_equal(untouched, labels)


def test_a_recipe_may_blend_faces(faces: Faces, tiny_recipe: Recipe) -> None:
    goal = targets(faces, tiny_recipe.labels)
    how = tiny_recipe.augmentation.model_copy(update={"mixup": 0.4})
    blended = tiny_recipe.model_copy(update={"augmentation": how})
    apart, together = (next(epoch_batches(faces, goal, recipe, 0))[1] for recipe in (tiny_recipe, blended))
    assert {tuple(row) for row in apart} <= {tuple(row) for row in goal}
    assert not {tuple(row) for row in together} <= {tuple(row) for row in goal}


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
