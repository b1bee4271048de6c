"""A run's parts: the network with its optimizer, the averaged network beside it, and how far it is."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moodline.emotions import EMOTIONS
from trainer.augment import scaled
from trainer.average import load_average, measure_norms
from trainer.checkpoint import CheckpointError, RunState, load_checkpoint, newest_checkpoint
from trainer.data import Faces
from trainer.network import build_network
from trainer.recipe import Recipe

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

_NORM_FACES = 4096  # training faces that the averaged network's batch norms are measured on


@dataclass
class Run:
    """A network in training, the averaged network that is scored and exported, and the state of the run."""

    recipe: Recipe
    model: "keras.Model"
    averaged: "keras.Model"
    state: RunState

    @property
    def variables(self) -> list[Any]:
        """All variables that the next step depends on."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def average(self, faces: Faces, side: int) -> None:
        """Bring the averaged network up to date, its batch norms measured on training faces of that side."""
        load_average(self.averaged, self.model)
        chosen = np.random.default_rng(self.recipe.seed).permutation(len(faces))[:_NORM_FACES]
        measure_norms(self.averaged, scaled(faces.images[chosen], side))

    def forget_shapes(self) -> None:
        """Compile anew for another size of faces, or the backend would keep one slower graph for any size."""
        self.model.make_train_function(force=True)
        self.averaged.make_predict_function(force=True)


def start_run(recipe: Recipe) -> Run:
    """Build the networks and the optimizer of a recipe; nothing is trained yet."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        model, averaged = (
            build_network(recipe.network, len(EMOTIONS), recipe.dropout, seed=recipe.seed) for _ in range(2)
        )
    finally:
        keras.config.set_dtype_policy(before)
    optimizer = _optimizer(recipe, model)
    model.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return Run(recipe, model, averaged, RunState(recipe.model_dump(mode="json")))


def _optimizer(recipe: Recipe, model: "keras.Model") -> "keras.optimizers.Optimizer":
    import keras

    optimizer = keras.optimizers.SGD(
        recipe.peak_rate,
        momentum=recipe.momentum,
        nesterov=True,
        # Keras takes the decay off the weights beside the gradient, not through the momentum. There the
        # literature's L2 factor acts 1 / (1 - momentum) times as strongly.
        weight_decay=recipe.weight_decay / (1 - recipe.momentum),
        use_ema=True,
        ema_momentum=recipe.average,
    )
    no_decay = [v for v in model.trainable_variables if v.path.rpartition("/")[2] != "kernel"]
    optimizer.exclude_from_weight_decay(var_list=no_decay)
    optimizer.build(model.trainable_variables)
    return optimizer


def resume(run: Run, folder: Path) -> bool:
    """Go on from the newest checkpoint in the folder; False where there is none.

    The number of epochs may have changed since, for instance to end a run early: the learning rate
    then goes on along the new cycle. Raises CheckpointError where anything else of the recipe differs.
    """
    path = newest_checkpoint(folder)
    if path is None:
        return False
    state = load_checkpoint(path, run.variables)
    now = run.recipe.model_dump(mode="json")
    changed = sorted(key for key in now if now[key] != state.recipe.get(key))
    if changed not in ([], ["phases"]):
        raise CheckpointError(f"{path} was made with another {changed[0]}; choose another folder.")
    if changed:
        log.warning("the epochs are not those of %s: the learning rate goes on along the new cycle", path)
    state.recipe = now
    run.state = state
    log.info("going on from %s", path)
    return True
