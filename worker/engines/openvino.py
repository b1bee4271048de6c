"""The CPU engine: the same graph, compiled by OpenVINO; two to four times TensorFlow's speed there."""

import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np

from moodline.manifest import ModelManifest
from worker.engines.base import Pixels, Probabilities
from worker.engines.convert import convert
from worker.engines.int8 import quantise
from worker.engines.layout import keep_channels_first

log = logging.getLogger(__name__)

Precision = Literal["f32", "bf16", "int8"]


class OpenVinoEngine:
    """A Keras model, converted once a machine and compiled for its CPU."""

    def __init__(
        self,
        model_file: Path,
        manifest: ModelManifest,
        *,
        threads: int | None = None,
        precision: Precision | None = None,
    ) -> None:
        """``precision`` None: the fastest that the CPU computes in and that the model's manifest allows.

        Raises ValueError for int8 where the manifest has no ranges for it, RuntimeError, OSError.
        """
        import openvino as ov

        core = ov.Core()
        self._precision: Precision = precision or _best_precision(core, manifest)
        model = _converted(core, model_file, manifest.sha256)
        keep_channels_first(model)
        # What is not rounded to 8 bits computes in the next best.
        hint = self._precision
        if hint == "int8":
            quantise(core, model, manifest.int8_ranges)
            hint = "bf16" if "bf16" in cpu_precisions(core) else "f32"
        options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        self.compiled = core.compile_model(model, "CPU", options)
        self._request = self.compiled.create_infer_request()
        self._output = self.compiled.output(0)

    @property
    def name(self) -> str:
        """Engine and precision or device."""
        return f"openvino-{self._precision}"

    def predict(self, pixels: Pixels) -> Probabilities:
        """Return probabilities of shape (N, labels) for faces of shape (N, 48, 48)."""
        self._request.infer([pixels[..., None].astype(np.float32)])
        return np.array(self._request.get_tensor(self._output).data, np.float32)


def cpu_precisions(core: Any) -> list[Precision]:
    """Return what this CPU has instructions for, the slowest first. Without them int8 is slow and inexact."""
    found: list[Precision] = ["f32"]
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        found.append("bf16")
    if _has_byte_products():
        found.append("int8")
    return found


def _has_byte_products() -> bool:
    """Whether the CPU multiplies and adds bytes (AVX-VNNI). OpenVINO says that every CPU does int8."""
    try:
        return "_vnni" in Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False


def _best_precision(core: Any, manifest: ModelManifest) -> Precision:
    best: Precision = "f32"
    for precision in cpu_precisions(core):
        if precision == "f32" or manifest.allows(precision):
            best = precision
        else:
            log.info("The model does not run in %s: its manifest measures no loss there that is small.", precision)
    return best


def cache_folder() -> Path:
    """Return where converted models are kept: ``$XDG_CACHE_HOME/moodline/engines``."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "moodline" / "engines"


def _converted(core: Any, model_file: Path, sha256: str) -> Any:
    """Return the OpenVINO model; the file's hash names the cached one, so another model never meets it."""
    cached = cache_folder() / f"{sha256}.xml"
    if cached.exists():
        try:
            return core.read_model(cached)
        except RuntimeError:
            log.warning("The converted model %s is damaged and is made again.", cached)
    log.info("The model is converted for this CPU; that happens once.")
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "model.xml"
        convert(model_file, fresh)
        _keep(fresh, cached)
        return core.read_model(fresh)  # the weights stay mapped when the folder has gone


def _keep(fresh: Path, cached: Path) -> None:
    """Copy both files under other names first: a second worker may do the same at this moment."""
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".bin", ".xml"):
            temporary = cached.with_name(f"{os.getpid()}-{cached.stem}{suffix}")
            shutil.copyfile(fresh.with_suffix(suffix), temporary)
            temporary.replace(cached.with_suffix(suffix))
    except OSError as error:
        log.warning("The converted model cannot be kept in %s (%s); it is made again.", cached.parent, error)
