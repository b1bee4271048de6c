"""Whether what the worker's engines make of a model is still that model: each against Keras, on the same faces."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from moodline.emotions import EMOTIONS
from moodline.errors import ModelError
from moodline.manifest import LEAST_SAME_LABEL, MOST_ACCURACY_LOST, LowerPrecision, verify_model
from trainer.data import Faces
from trainer.evaluate import load_file, probabilities

LOWER: dict[str, LowerPrecision] = {"openvino-bf16": "bf16", "openvino-int8": "int8"}
"""Engines that compute in less than float32."""
MOST_DIFFERENCE = 0.01  # of any probability, in float32; GPUs round its products to fewer digits
_TIMEOUT_S = 600
_TIMED_S = 2.0


class Agreement(BaseModel):
    """How one engine's answers differ from those of the Keras model."""

    engine: str
    faces: int
    same_label: float = Field(description="share of faces with the same most probable emotion")
    greatest_difference: float = Field(description="of any probability of any face")
    accuracy: float = Field(description="on the data's own labels")
    keras_accuracy: float
    allowed: bool = Field(description="whether workers run the model so, as its manifest has it")

    @property
    def close(self) -> bool:
        """Whether a worker may run the model so: in float32 it is the Keras model, in less it loses little."""
        if self.engine in LOWER:
            # One face says nothing, however few there are.
            changed, lost = 1 - self.same_label, self.keras_accuracy - self.accuracy
            one = 1 / self.faces
            return changed <= max(one, 1 - LEAST_SAME_LABEL) and lost <= max(one, MOST_ACCURACY_LOST)
        return self.greatest_difference <= MOST_DIFFERENCE


def agreements(folder: Path, faces: Faces) -> Iterator[Agreement]:
    """Compare each installed engine with the Keras model, on the given faces. Raises ModelError."""
    manifest = verify_model(folder)
    expected = probabilities(load_file(folder / manifest.file), faces)
    names = np.array([EMOTIONS.index(label) for label in manifest.labels])
    for engine, found in engine_answers(folder, faces.images).items():
        yield Agreement(
            engine=engine,
            faces=len(faces),
            same_label=round(float((found.argmax(axis=1) == expected.argmax(axis=1)).mean()), 4),
            greatest_difference=round(float(np.abs(found - expected).max()), 4),
            accuracy=round(float((names[found.argmax(axis=1)] == faces.labels).mean()), 4),
            allowed=engine not in LOWER or manifest.allows(LOWER[engine]),
            keras_accuracy=round(float((names[expected.argmax(axis=1)] == faces.labels).mean()), 4),
        )


def engine_answers(folder: Path, images: NDArray[np.uint8], *wanted: str) -> dict[str, NDArray[np.float32]]:
    """Probabilities (N, labels) that each engine of the worker gives for faces (N, 48, 48), by the engine's name.

    All that can run here, or those of the wanted ones. In a process of the worker's own, which the trainer does not
    import. Raises ModelError.
    """
    with tempfile.TemporaryDirectory() as scratch:
        asked, answered = Path(scratch) / "faces.npy", Path(scratch) / "answers.npz"
        np.save(asked, images)
        _ask_engines("answer", folder, str(asked), str(answered), *wanted)
        with np.load(answered) as answers:
            return {name: np.asarray(answers[name], np.float32) for name in answers.files}


def engine_speeds(folder: Path) -> dict[str, float]:
    """Faces a second of each engine of the worker that can run here, in full batches. Raises ModelError."""
    return {str(name): float(rate) for name, rate in json.loads(_ask_engines("speed", folder, str(_TIMED_S))).items()}


def _ask_engines(module: str, folder: Path, *words: str) -> str:
    """Run a program of the worker's engines on a model folder; gives what it printed."""
    environ = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environ.pop("KERAS_BACKEND", None)
    command = [sys.executable, "-m", f"worker.engines.{module}", str(folder), *words]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter on our own module
            command, env=environ, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"The worker's engines took longer than {_TIMEOUT_S} s with {folder}: try again.") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ModelError(f"The worker's engines cannot run {folder} ({said}): publish the model again.")
    return done.stdout
