"""Converts a Keras model for OpenVINO: ``python -m worker.engines.convert MODEL.keras MODEL.xml``.

A process of its own, because Keras takes its backend once a process; its OpenVINO backend needs no TensorFlow.
"""

import os
import subprocess
import sys
from pathlib import Path


def convert(model_file: Path, target: Path) -> None:
    """Write ``target`` (.xml and .bin beside it). Raises RuntimeError with what the converter said last."""
    command = [sys.executable, "-m", "worker.engines.convert", str(model_file), str(target)]
    environ = {**os.environ, "KERAS_BACKEND": "openvino", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(  # noqa: S603 - our own interpreter on our own module
        command, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise RuntimeError(f"the conversion for OpenVINO failed: {said[-1]}")


def main(model_file: str, target: str) -> None:
    """Convert in this process."""
    import keras

    model = keras.saving.load_model(model_file, compile=False, safe_mode=True)
    model.export(target, format="openvino", verbose=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
