"""Asks every installed engine about faces: ``python -m worker.engines.answer MODEL_FOLDER FACES.npy ANSWERS.npz``.

A process of its own, so that the trainer, which imports no worker, can compare the answers with the Keras model's.
"""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from moodline.manifest import verify_model
from worker.engines.base import Bucketed, Engine

_BATCH = 64


def engines(folder: Path) -> Iterator[tuple[str, Engine]]:
    """Load a model for each engine that can run here, by name. Raises what the engine raises."""
    manifest = verify_model(folder)
    file = folder / manifest.file
    if find_spec("tensorflow"):
        from worker.engines.tensorflow import TensorFlowEngine

        yield "tensorflow", TensorFlowEngine(file)
    if find_spec("openvino"):
        import openvino

        from worker.engines.openvino import OpenVinoEngine

        yield "openvino-f32", OpenVinoEngine(file, manifest.sha256, precision="f32")
        if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            yield "openvino-bf16", OpenVinoEngine(file, manifest.sha256, precision="bf16")


def main(folder: str, faces_file: str, answers_file: str) -> None:
    """Answer in this process."""
    faces, answers = np.load(faces_file), {}
    for name, engine in engines(Path(folder)):
        asked = Bucketed(engine, _BATCH)
        parts = [asked.predict(faces[start : start + _BATCH]) for start in range(0, len(faces), _BATCH)]
        answers[name] = np.concatenate(parts)
    np.savez(answers_file, allow_pickle=False, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
