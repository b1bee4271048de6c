"""Finds a model, checks it, and chooses the engine that runs it."""

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from moodline.crop import CROP_SIDE
from moodline.emotions import Emotion
from moodline.errors import ModelError
from moodline.manifest import ModelManifest, verify_model
from moodline.registry import Registry
from moodline.settings import WorkerSettings
from worker.engines.base import Bucketed, Engine, Pixels, Probabilities

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Classifier:
    """A model that is ready: its manifest, its engine, and the emotions it may answer with."""

    manifest: ModelManifest
    engine: Bucketed
    labels: tuple[Emotion, ...]
    folder: Path | None = None
    """Where it was loaded from."""

    @property
    def tag(self) -> str:
        """Name and version, as smoothing keeps them apart."""
        return f"{self.manifest.name}@{self.manifest.version}"

    def predict(self, pixels: Pixels) -> Probabilities:
        """Return probabilities over ``labels`` for faces of shape (N, 48, 48); each row sums to 1."""
        probabilities = self.engine.predict(pixels)
        if self.labels == self.manifest.labels:
            return probabilities
        kept = probabilities[:, [self.manifest.labels.index(label) for label in self.labels]]
        total: Probabilities = np.maximum(kept.sum(axis=1, keepdims=True), np.float32(1e-9))
        return kept / total


def load_classifier(settings: WorkerSettings) -> Classifier:
    """Find, verify, load and warm the configured model. Raises ModelError."""
    folder = find_model(settings.model, settings.registry)
    manifest = verify_model(folder)
    if (manifest.input.height, manifest.input.width) != (CROP_SIDE, CROP_SIDE):
        raise ModelError(
            f"The model in {folder} takes faces of {manifest.input.height}x{manifest.input.width} pixels and crops "
            f"have {CROP_SIDE}x{CROP_SIDE}; choose a model for those."
        )
    labels = tuple(label for label in manifest.labels if settings.emotions is None or label in settings.emotions)
    if settings.emotions and len(labels) < len(settings.emotions):
        unknown = ", ".join(sorted(set(settings.emotions) - set(labels)))
        raise ModelError(f"The model in {folder} does not know {unknown}; correct worker.emotions.")
    engine = Bucketed(_engine(settings, folder / manifest.file, manifest), settings.batch_size)
    _try(engine, manifest, folder)
    log.info("Model %s version %d is ready on %s.", manifest.name, manifest.version, engine.name)
    return Classifier(manifest, engine, labels, folder)


def _try(engine: Bucketed, manifest: ModelManifest, folder: Path) -> None:
    """Warm the engine up, and see that it answers what the manifest says."""
    try:
        engine.warm_up()
        answer = engine.predict(np.zeros((2, CROP_SIDE, CROP_SIDE), np.uint8))
    except Exception as error:
        # What an engine raises for a network that does not fit is its own affair.
        raise ModelError(f"The model in {folder} does not run on {engine.name} ({error}); publish it again.") from error
    sums_to_one = np.allclose(answer.sum(axis=1), 1, atol=0.05)  # a NaN is close to nothing
    if answer.shape != (2, len(manifest.labels)) or not sums_to_one:
        raise ModelError(
            f"The model in {folder} does not answer with {len(manifest.labels)} probabilities as its manifest says; "
            "publish it again."
        )


def find_model(name: str, registry: Path | None = None) -> Path:
    """Return the folder of a model: a folder's path, or a name of the registry. Raises ModelError."""
    return Registry(registry).find(name)


def _engine(settings: WorkerSettings, model_file: Path, manifest: ModelManifest) -> Engine:
    name = settings.engine if settings.engine != "auto" else _fastest()
    if not _has(name):
        extra = "jax" if name == "jax" else "worker"
        raise ModelError(f"worker.engine is {name}, which is not installed: install moodline[{extra}] or set auto.")
    try:
        if name == "openvino":
            from worker.engines.openvino import OpenVinoEngine

            return OpenVinoEngine(model_file, manifest, threads=settings.threads)
        if name == "jax":
            from worker.engines.jax import JaxEngine

            return JaxEngine(model_file)
        from worker.engines.tensorflow import TensorFlowEngine

        return TensorFlowEngine(model_file, manifest, threads=settings.threads)
    except (OSError, ValueError, RuntimeError, TypeError, ImportError) as error:
        raise ModelError(
            f"The model {model_file} cannot be loaded by {name} ({error}); publish it again or choose another engine."
        ) from error


def _fastest() -> Literal["openvino", "tensorflow", "jax"]:
    """Return the fastest engine that is installed. Raises ModelError where none is."""
    on_a_gpu: tuple[Literal["tensorflow", "jax"], ...] = ("tensorflow", "jax")
    keras = next((name for name in on_a_gpu if _has(name)), None)
    if _has("openvino") and not (_has_gpu() and keras):
        return "openvino"
    if keras is None:
        raise ModelError(
            "Neither OpenVINO nor TensorFlow nor JAX is installed, and a worker needs one: install moodline[worker]."
        )
    if keras == "jax":
        log.info("TensorFlow is not installed; the model runs on Keras's JAX backend.")
    return keras


def _has(package: str) -> bool:
    return find_spec(package) is not None


def _has_gpu() -> bool:
    """Cheap: TensorFlow itself takes seconds to say so."""
    return Path("/proc/driver/nvidia/version").exists()
