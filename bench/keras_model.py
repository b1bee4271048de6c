"""The shipped model as the original notebook would run it: Keras on TensorFlow, ``model.predict``."""

import os
from pathlib import Path
from typing import Any

from moodline.manifest import ModelManifest, verify_model
from moodline.settings import Settings
from worker.model import find_model


def shipped_model() -> tuple[Path, ModelManifest]:
    """Return the file of the model that a worker runs by default, and its manifest. Raises ModelError."""
    folder = find_model(Settings().worker.model)
    manifest = verify_model(folder)
    return folder / manifest.file, manifest


def load_keras_model() -> Any:
    """Load the shipped model. Raises ModelError where it is missing or damaged."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    return keras.saving.load_model(shipped_model()[0], compile=False, safe_mode=True)
