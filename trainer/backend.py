"""What is done in another way on one of Keras's backends, for speed; weights are the same ones everywhere."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any


def data_format() -> str:
    """Keras's name for the order of axes to train in.

    PyTorch's layers want the channels first (in memory they stay last), and Keras would copy them before each layer.
    """
    return "channels_first" if _is_torch() else "channels_last"


def batch_norm(name: str) -> Any:
    """Build a batch norm for activations (N, channels) or in the order of `data_format`."""
    import keras

    layer, axis = (_batch_norm_of_torch(), 1) if _is_torch() else (keras.layers.BatchNormalization, -1)
    return layer(axis=axis, momentum=0.9, epsilon=1e-3, name=name)


def without_gradients() -> AbstractContextManager[Any]:
    """A context in which nothing is kept for gradients; only PyTorch keeps it outside of training steps."""
    if not _is_torch():
        return nullcontext()
    import torch

    context: AbstractContextManager[Any] = torch.no_grad()
    return context


def _is_torch() -> bool:
    import keras

    return str(keras.config.backend()) == "torch"


@cache
def _batch_norm_of_torch() -> type[Any]:
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
