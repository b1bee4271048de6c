"""The same Keras model where there is no TensorFlow: Keras on JAX, on a GPU where JAX sees one."""

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

from worker.engines.base import Pixels, Probabilities

log = logging.getLogger(__name__)


class JaxEngine:
    """A Keras model, compiled by XLA for each batch size that it meets."""

    def __init__(self, model_file: Path) -> None:
        """Load the model. Raises RuntimeError where Keras runs on something else in this process already."""
        os.environ["KERAS_BACKEND"] = "jax"
        # Else the first process would take three quarters of a GPU's memory.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        import jax
        import keras

        if keras.config.backend() != "jax":
            raise RuntimeError(f"Keras runs on {keras.config.backend()} in this process, and cannot change")
        self._on = _device(jax)
        model = keras.saving.load_model(model_file, compile=False, safe_mode=True)
        # Given with each call: what a function holds itself, XLA computes with while it compiles.
        self._weights = [
            [variable.value for variable in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        ]

        def forward(weights: Any, pixels: Any) -> Any:
            answer, _ = model.stateless_call(*weights, pixels.astype("float32")[..., None], training=False)
            return answer

        self._forward = jax.jit(forward)

    @property
    def name(self) -> str:
        """Engine and device."""
        return f"jax-{self._on}"

    def predict(self, pixels: Pixels) -> Probabilities:
        """Return probabilities of shape (N, labels) for faces of shape (N, 48, 48)."""
        return np.array(self._forward(self._weights, pixels), np.float32)


def _device(jax: Any) -> str:
    """Return what JAX will run the model on: ``gpu`` or ``cpu``."""
    on: str = jax.default_backend()
    if on == "cpu":
        log.info("JAX sees no GPU; the model runs on the CPU.")
    else:
        log.info("JAX runs the model on %d %s(s).", jax.device_count(), on.upper())
    return on
