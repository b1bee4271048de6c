"""The reference engine: Keras on TensorFlow, on a GPU where there is one."""

import logging
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np

from moodline.manifest import ModelManifest
from worker.engines.base import Pixels, Probabilities

log = logging.getLogger(__name__)

_COMPUTES_BF16 = (8, 0)
"""NVIDIA's compute capability from which on convolutions run in bf16 on tensor cores."""


class TensorFlowEngine:
    """A Keras model as one TensorFlow graph."""

    def __init__(
        self,
        model_file: Path,
        manifest: ModelManifest,
        *,
        threads: int | None = None,
        precision: Literal["f32", "bf16"] | None = None,
    ) -> None:
        """Load the model. TensorFlow is imported here: it takes seconds and a gigabyte.

        ``precision`` None: bf16 on GPUs that compute in it, where the model's manifest allows it, else f32.
        """
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import keras
        import tensorflow as tf

        if threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        self._on, precise = _prepare_devices(tf), precision or _best_precision(tf, manifest)
        self._constant = tf.constant
        model = keras.saving.load_model(model_file, compile=False, safe_mode=True)
        if precise == "bf16":
            self._on += "-bf16"
            _convolve_in_bf16(keras, model)

        def forward(pixels: "tf.Tensor") -> "tf.Tensor":
            return model(tf.cast(pixels, tf.float32)[..., None], training=False)

        signature = [tf.TensorSpec([None, *model.input_shape[1:3]], tf.uint8)]
        self._forward = tf.function(forward, input_signature=signature)

    @property
    def name(self) -> str:
        """Engine and precision or device."""
        return f"tensorflow-{self._on}"

    def predict(self, pixels: Pixels) -> Probabilities:
        """Return probabilities of shape (N, labels) for faces of shape (N, 48, 48)."""
        return np.asarray(self._forward(self._constant(pixels)).numpy(), np.float32)


def _prepare_devices(tf: Any) -> str:
    """Set up the GPUs, if there are any; return what the model will run on: ``gpu`` or ``cpu``."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        log.info("TensorFlow sees no GPU; the model runs on the CPU.")
        return "cpu"
    for device in devices:
        # Else the first process would take all of the device's memory.
        tf.config.experimental.set_memory_growth(device, True)
    log.info("TensorFlow runs the model on %d GPU(s).", len(devices))
    return "gpu"


def _best_precision(tf: Any, manifest: ModelManifest) -> Literal["f32", "bf16"]:
    devices = tf.config.list_physical_devices("GPU")
    known = [tf.config.experimental.get_device_details(device).get("compute_capability") for device in devices]
    computes = bool(known) and all(capability and capability >= _COMPUTES_BF16 for capability in known)
    return "bf16" if computes and manifest.allows("bf16") else "f32"


def _convolve_in_bf16(keras: Any, model: Any) -> None:
    """Mixed precision from the first convolution to the last; what is before and after stays as it is, f32."""
    places = [place for place, layer in enumerate(model.layers) if isinstance(layer, keras.layers.Conv2D)]
    for layer in model.layers[places[0] : places[-1] + 1]:
        layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
