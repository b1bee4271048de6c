"""A run's parts: the network with its optimizer, the averaged network beside it, and how far it is."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from trainer.augment import scaled
from trainer.average import load_average, measure_norms
from trainer.checkpoint import CheckpointError, RunState, load_checkpoint, newest_checkpoint, read_state
from trainer.data import Faces
from trainer.loss import accuracy, soft_cross_entropy
from trainer.network import DENSE, build_network
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
    def epoch(self) -> int:
        """The epoch (from 1) whose weights count: the last one, or the best where the recipe's patience has an end."""
        return self.state.best_epoch if self.recipe.patience else self.state.epochs_done

    @property
    def side(self) -> int:
        """Side in pixels of the faces in that epoch."""
        return self.recipe.size_of(self.epoch - 1)

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
        outputs = len(EMOTIONS) * len(recipe.labels.heads)
        side = recipe.phases[0].size if recipe.network in DENSE else None
        # The averaged network is never trained: dropout would only blur what its batch norms measure.
        model, averaged = (
            build_network(recipe.network, outputs, dropout, side, seed=recipe.seed) for dropout in (recipe.dropout, 0.0)
        )
    finally:
        keras.config.set_dtype_policy(before)
    optimizer = _optimizer(recipe, model)
    model.compile(optimizer, loss=soft_cross_entropy, metrics=[accuracy])
    return Run(recipe, model, averaged, RunState(recipe.model_dump(mode="json")))


def _optimizer(recipe: Recipe, model: "keras.Model") -> "keras.optimizers.Optimizer":
    import keras

    average = {"use_ema": True, "ema_momentum": recipe.average}
    if recipe.optimizer == "rmsprop":
        decay = recipe.weight_decay or None
        optimizer = keras.optimizers.RMSprop(recipe.peak_rate, weight_decay=decay, **average)
    else:
        # Keras takes the decay off the weights beside the gradient, not through the momentum. There the
        # literature's L2 factor acts 1 / (1 - momentum) times as strongly.
        decay = recipe.weight_decay / (1 - recipe.momentum)
        momentum = {"momentum": recipe.momentum, "nesterov": recipe.momentum > 0}
        optimizer = keras.optimizers.SGD(recipe.peak_rate, weight_decay=decay, **momentum, **average)
    no_decay = [v for v in model.trainable_variables if v.path.rpartition("/")[2] != "kernel"]
    optimizer.exclude_from_weight_decay(var_list=no_decay)
    optimizer.build(model.trainable_variables)
    return optimizer


def warm_start(run: Run, folder: Path) -> None:
    """Take the weights over from the newest checkpoint of another run, of the recipe that `recipe.start` names.

    The weight average is taken; of the last layer as many outputs as both have. Raises CheckpointError
    where the folder holds no run of that recipe, or one of another network; or one of other outputs, where its answers
    are to be learned from.
    """
    path = newest_checkpoint(folder)
    if path is None:
        raise CheckpointError(f"{folder} holds no checkpoint: train the recipe {run.recipe.start!r} first.")
    before = start_run(Recipe.model_validate(read_state(path).recipe))
    if (before.recipe.name, before.recipe.network) != (run.recipe.start, run.recipe.network):
        raise CheckpointError(f"{path} is a run of {before.recipe.name!r}, not of {run.recipe.start!r}.")
    had, has = before.recipe.labels.heads, run.recipe.labels.heads
    if run.recipe.labels.teacher and had != has:
        raise CheckpointError(
            f"{path} has outputs for {' and '.join(had)} only: {run.recipe.name!r} cannot learn from its answers for "
            f"{' and '.join(has)}. Start from a run with both, or set labels.teacher to 0."
        )
    load_checkpoint(path, before.variables)
    load_average(before.model, before.model)
    for old, new in zip(before.model.layers, run.model.layers, strict=True):
        new.set_weights([_overlaid(a, b) for a, b in zip(old.get_weights(), new.get_weights(), strict=True)])
    _restart_average(run)


def _overlaid(old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
    """The new array with as much of the old one as fits."""
    out = new.copy()
    part = tuple(slice(0, min(a, b)) for a, b in zip(old.shape, new.shape, strict=True))
    out[part] = old[part]
    return out


def _restart_average(run: Run) -> None:
    """Let the weight average begin at the weights as they are."""
    averages = [v for v in run.model.optimizer.variables if v.path.endswith("_average")]
    for average, variable in zip(averages, run.model.trainable_variables, strict=True):
        average.assign(variable)


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
    then = Recipe.model_validate(state.recipe).model_dump(mode="json")
    changed = {key for key in now if now[key] != then[key]}
    if forbidden := sorted(changed - {"phases", "prior_shift"}):
        raise CheckpointError(f"{path} was made with another {forbidden[0]}; choose another folder.")
    if "phases" in changed:
        log.warning("the epochs are not those of %s: the learning rate goes on along the new cycle", path)
    state.recipe = now
    run.state = state
    log.info("going on from %s", path)
    return True
