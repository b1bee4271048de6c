"""The averaged network: the optimizer's weight average, with batch norm statistics measured for it."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainer.backend import without_gradients

if TYPE_CHECKING:
    import keras


def load_average(target: "keras.Model", model: "keras.Model") -> None:
    """Copy the weight average that the optimizer of `model` keeps into `target`, a network of the same shape.

    Raises ValueError where the optimizer keeps none.
    """
    averages = [v for v in model.optimizer.variables if v.path.endswith("_average")]
    if len(averages) != len(model.trainable_variables):
        raise ValueError("the optimizer keeps no weight average: build it with use_ema=True")
    for variable, average in zip(target.trainable_variables, averages, strict=True):
        # A copy: JAX hands its arrays from step to step and deletes the old ones, shared ones too.
        variable.assign(np.array(average.numpy()))


def measure_norms(model: "keras.Model", faces: NDArray[np.float32], batch: int = 256) -> None:
    """Set the batch norms' means and variances to those of the faces (N, side, side, 1).

    The moving statistics of training belong to other weights than the averaged ones. The faces are
    training faces as they are (not augmented), since such ones the model will be asked about.
    """
    import keras

    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    kept = [layer.momentum for layer in norms]
    batch = min(batch, len(faces))
    for seen, start in enumerate(range(0, len(faces) - batch + 1, batch)):
        for layer in norms:
            layer.momentum = seen / (seen + 1)  # makes the moving mean a plain mean over the batches
        with without_gradients():
            model(faces[start : start + batch], training=True)
    for layer, momentum in zip(norms, kept, strict=True):
        layer.momentum = momentum


def predict(model: "keras.Model", faces: NDArray[np.float32], batch: int = 256) -> NDArray[np.float32]:
    """The model's outputs (N, classes), float32, for faces (N, side, side, 1), values 0..255."""
    parts = []
    for start in range(0, len(faces), batch):
        part = faces[start : start + batch]
        # The last batch is filled up: one shape means one compiled graph.
        missing = batch - len(part) if start else 0
        full = np.pad(part, ((0, missing), (0, 0), (0, 0), (0, 0)))
        parts.append(np.asarray(model.predict_on_batch(full), np.float32)[: len(part)])
    return np.concatenate(parts)
