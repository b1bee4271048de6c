"""The model file that ships: one graph from grey values to calibrated probabilities, of stock layers only."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainer.data import SIDE
from trainer.network import rescaling

if TYPE_CHECKING:
    import keras

_WEIGHTS = "model.weights.h5"


@dataclass(frozen=True)
class Output:
    """What becomes of a trained network's logits: `logits[:, columns] / temperature + shift`, then softmax.

    `columns` are those of one head, for the emotions that are answered at all; None for every one. `shift` is
    (columns,), or a number for all.
    """

    columns: tuple[int, ...] | None = None
    temperature: float = 1.0
    shift: NDArray[np.float64] | float = 0.0


def inference_model(trained: "keras.Model", side: int, output: Output = Output()) -> "keras.Model":
    """Build the model that ships from a trained network of `trainer.network`.

    Takes faces (N, 48, 48, 1) float32, values 0..255; gives probabilities (N, classes) float32. The
    batch norms are folded into the convolutions, the output's numbers into the last layer. Where
    `side`, the size that the network was trained on, is not 48, the faces are scaled first.
    """
    import keras

    faces = keras.Input((SIDE, SIDE, 1), dtype="float32", name="faces")
    x = faces if side == SIDE else keras.layers.Resizing(side, side, name="resizing")(faces)
    x = rescaling()(x)
    layers = list(trained.layers)
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(following, keras.layers.BatchNormalization):
            x = _folded(layer, following, x)
        elif isinstance(layer, keras.layers.MaxPooling2D):
            x = keras.layers.MaxPooling2D(2, name=layer.name)(x)
        elif isinstance(layer, keras.layers.GlobalAveragePooling2D):
            x = keras.layers.GlobalAveragePooling2D(name=layer.name)(x)
        elif isinstance(layer, keras.layers.Dense):
            x = _calibrated(layer, output)(x)
    return keras.Model(faces, keras.layers.Softmax(name="probabilities")(x), name=trained.name)


def _folded(weighted: Any, norm: Any, x: Any) -> Any:
    """Apply the convolution or dense layer with the batch norm that follows it in its weights, and ReLU."""
    import keras

    gamma, beta, mean, variance = (np.asarray(v.numpy(), np.float64) for v in norm.variables)
    factor = gamma / np.sqrt(variance + norm.epsilon)
    kernel, bias = np.asarray(weighted.kernel.numpy(), np.float64) * factor, beta - mean * factor
    how = {"activation": "relu", "dtype": "float32", "name": weighted.name}
    if isinstance(weighted, keras.layers.Conv2D):
        return _weighted(keras.layers.Conv2D(weighted.filters, 3, padding="same", **how), kernel, bias)(x)
    if len(x.shape) == 2:
        return _weighted(keras.layers.Dense(weighted.units, **how), kernel, bias)(x)
    # A dense layer over a flattened map is a convolution as large as the map. Keras's export to OpenVINO takes
    # flattening for that of a batch of one.
    layer = keras.layers.Conv2D(weighted.units, tuple(x.shape[1:3]), padding="valid", **how)
    pixel = _weighted(layer, kernel.reshape(*x.shape[1:], weighted.units), bias)(x)
    return keras.layers.GlobalAveragePooling2D(name=f"{weighted.name}_pixel")(pixel)


def _weighted(layer: Any, kernel: NDArray[np.float64], bias: NDArray[np.float64]) -> Any:
    layer.build((*[None] * (kernel.ndim - 1), kernel.shape[-2]))
    layer.set_weights([kernel, bias])
    return layer


def _calibrated(dense: Any, output: Output) -> "keras.layers.Layer":
    """The last layer with one head's columns, its logits divided by the temperature and shifted."""
    import keras

    columns = slice(None) if output.columns is None else list(output.columns)
    kernel, bias = (
        np.asarray(v.numpy(), np.float64)[..., columns] / output.temperature for v in (dense.kernel, dense.bias)
    )
    layer = keras.layers.Dense(kernel.shape[1], dtype="float32", name=dense.name)
    return _weighted(layer, kernel, bias + output.shift)


def save_half(model: "keras.Model", path: Path) -> None:
    """Save as a `.keras` file with float16 weights; it loads as a float32 model, with stock Keras.

    The file's graph stays float32, since float16 arithmetic is slow on CPUs; only the numbers in the
    file are halved, and Keras widens them while it loads. The same model gives the same bytes.
    """
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries[_WEIGHTS] = _halved(entries[_WEIGHTS])
    temporary = path.with_suffix(".tmp")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(entries.items()):
            # A fixed date, so that the file depends on its content alone.
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    temporary.replace(path)


def _halved(weights: bytes) -> bytes:
    """A copy of an HDF5 weights file with all floats as float16."""
    import h5py

    out = io.BytesIO()
    with h5py.File(io.BytesIO(weights)) as old, h5py.File(out, "w") as new:

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                into = new.create_dataset(name, data=item[()].astype(np.float16), track_times=False)
            else:
                into = new.require_group(name)
            into.attrs.update(item.attrs)

        old.visititems(copy)
        new.attrs.update(old.attrs)
    return out.getvalue()
