"""Batch norm, and the order of axes, as each backend computes them fastest; weights are the same ones everywhere."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any


def channels_first() -> bool:
    """Whether activations are (N, channels, height, width) on this backend.

    PyTorch's layers want them so (in memory the channels stay last), and Keras would copy them before each layer.
    """
    import keras

    return str(keras.config.backend()) == "torch"


def batch_norm(name: str, axis: int = -1) -> Any:
    """Build a batch norm over an axis of activations (N, ...)."""
    import keras

    layer = _on_torch() if channels_first() else keras.layers.BatchNormalization
    return layer(axis=axis, momentum=0.9, epsilon=1e-3, name=name)


def without_gradients() -> AbstractContextManager[Any]:
    """A context in which nothing is kept for gradients; only PyTorch keeps it outside of training steps."""
    if not channels_first():
        return nullcontext()
    import torch

    context: AbstractContextManager[Any] = torch.no_grad()
    return context


@cache
def _on_torch() -> type[Any]:
    import keras
    import torch

    class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
        """Keras's layer with PyTorch's kernel in place of a dozen passes over the activations; channels second."""

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            """Normalise activations by their own mean and variance in training, else by the moving ones."""
            if not (training and self.trainable) or inputs.device.type == "meta":
                return super().call(inputs, training=training, mask=mask)
            if inputs.ndim == 4:
                # Once, after the first convolution: layers keep the order in memory that they find.
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            weights = [variable.value for variable in (self.gamma, self.beta)]
            out, mean, inverse = torch.native_batch_norm(inputs, *weights, None, None, True, 0.0, self.epsilon)
            with torch.no_grad():
                self._remember(self.moving_mean, mean)
                self._remember(self.moving_variance, inverse.float().pow(-2) - self.epsilon)
            return out

        def _remember(self, moving: Any, now: Any) -> None:
            moving.assign(moving.value * self.momentum + now * (1 - self.momentum))

    return BatchNormalization
