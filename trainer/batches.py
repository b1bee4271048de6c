"""Training batches, prepared beside the training by one thread."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from trainer.augment import augmented, mixed
from trainer.data import Faces
from trainer.recipe import Recipe

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


def steps_per_epoch(count: int, batch: int) -> int:
    """Full batches in an epoch; the rest (other faces each epoch) is left out."""
    return max(1, count // batch)


def epoch_batches(faces: Faces, targets: NDArray[np.float32], recipe: Recipe, epoch: int) -> Iterator[Batch]:
    """The batches of one epoch: faces (B, side, side, 1) 0..255 and soft labels (B, 7).

    Order and augmentation depend on the recipe's seed, the epoch and the step alone.
    """
    order = np.random.default_rng([recipe.seed, epoch]).permutation(len(faces))
    side, size = recipe.size_of(epoch), min(recipe.batch, len(faces))

    def prepare(step: int) -> Batch:
        rng = np.random.default_rng([recipe.seed, epoch, step])
        chosen = order[step * size : (step + 1) * size]
        images = augmented(faces.images[chosen], side, recipe.augmentation, rng)
        return mixed(images, targets[chosen], recipe.augmentation.mixup, rng)

    with ThreadPoolExecutor(1, thread_name_prefix="augment") as thread:
        following = thread.submit(prepare, 0)
        steps = steps_per_epoch(len(faces), size)
        for step in range(steps):
            batch = following.result()
            if step + 1 < steps:
                following = thread.submit(prepare, step + 1)
            yield batch
