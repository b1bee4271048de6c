"""The reference engine: Keras on TensorFlow, on a GPU where there is one."""

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

from worker.engines.base import Pixels, Probabilities

log = logging.getLogger(__name__)


class TensorFlowEngine:
    """A Keras model as one TensorFlow graph."""

    def __init__(self, model_file: Path, *, threads: int | None = None) -> None:
        """Load the model. TensorFlow is imported here: it takes seconds and a gigabyte."""
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import keras
        import tensorflow as tf

        if threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        self._on = _prepare_devices(tf)
        self._constant = tf.constant
        model = keras.saving.load_model(model_file, compile=False, safe_mode=True)

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
    # 16-bit convolutions on tensor cores. The answer itself stays f32.
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision": True})
    log.info("TensorFlow runs the model on %d GPU(s), in mixed precision.", len(devices))
    return "gpu"
