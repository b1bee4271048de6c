"""Asks engines about faces: ``python -m worker.engines.answer MODEL_FOLDER FACES.npy ANSWERS.npz [ENGINE...]``.

A process of its own, so that the trainer, which imports no worker, can compare the answers with the Keras model's.
"""

import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from moodline.manifest import verify_model
from worker.engines.base import Bucketed, Engine

_BATCH = 64


def engines(folder: Path) -> dict[str, Callable[[], Engine]]:
    """Return what loads a model for each engine and precision that can run it here, by name. Raises ModelError."""
    manifest = verify_model(folder)
    file = folder / manifest.file
    found: dict[str, Callable[[], Engine]] = {}
    if find_spec("tensorflow"):
        from worker.engines.tensorflow import TensorFlowEngine

        found["tensorflow"] = partial(TensorFlowEngine, file, manifest)
    elif find_spec("jax"):  # Keras has one backend a process
        from worker.engines.jax import JaxEngine

        found["jax"] = partial(JaxEngine, file)
    if find_spec("openvino"):
        import openvino

        from worker.engines.openvino import OpenVinoEngine, cpu_precisions

        for precision in cpu_precisions(openvino.Core()):
            if precision != "int8" or manifest.int8_ranges:
                found[f"openvino-{precision}"] = partial(OpenVinoEngine, file, manifest, precision=precision)
    return found


def main(folder: str, faces_file: str, answers_file: str, *wanted: str) -> None:
    """Answer in this process: all engines that can run here, or those of the wanted ones."""
    faces, answers = np.load(faces_file), {}
    for name, load in engines(Path(folder)).items():
        if wanted and name not in wanted:
            continue
        asked = Bucketed(load(), _BATCH)
        parts = [asked.predict(faces[start : start + _BATCH]) for start in range(0, len(faces), _BATCH)]
        answers[name] = np.concatenate(parts)
    np.savez(answers_file, allow_pickle=False, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
