"""This machine: ports, model, GPU."""

import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from moodline.doctor.finding import Finding
from moodline.errors import ModelError
from moodline.manifest import verify_model
from moodline.registry import Registry
from moodline.settings import Settings, WorkerSettings

_ON_A_GPU = {"tensorflow": "TensorFlow", "jax": "JAX"}
"""The engines that compute there, the preferred one first."""


def look_at_ports(settings: Settings) -> Iterator[Finding]:
    """Yield whether each port is free, or already moodline's."""
    for name, host, port in (
        ("ingest.metrics_port", settings.ingest.metrics_host, settings.ingest.metrics_port),
        ("worker.metrics_port", settings.worker.metrics_host, settings.worker.metrics_port),
        ("jobs.metrics_port", settings.jobs.metrics_host, settings.jobs.metrics_port),
        ("api.port", settings.api.host, settings.api.port),
    ):
        yield _port(name, host, port)


def _port(name: str, host: str, port: int) -> Finding:
    subject = f"port {port}"
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.create_server((host, port), family=family):
            return Finding(subject, "ok", f"{name} is free on {host}.")
    except OSError as error:
        said = error.strerror or str(error)
    if _is_ours(host, port):
        return Finding(subject, "ok", f"{name}: a moodline that runs here listens on it.")
    return Finding(
        subject,
        "fail",
        f"{name} cannot be opened on {host} ({said}).",
        f"End the other program, or set another {name}.",
    )


def _is_ours(host: str, port: int) -> bool:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    reachable = f"[{reachable}]" if ":" in reachable else reachable
    try:
        with urllib.request.urlopen(f"http://{reachable}:{port}/metrics", timeout=2) as answer:
            return b"moodline_" in answer.read()
    except urllib.error.HTTPError as refusal:  # an API that asks for a key
        return 'realm="moodline"' in refusal.headers.get("WWW-Authenticate", "")
    except (OSError, ValueError):
        return False


def look_at_model(settings: WorkerSettings) -> Finding:
    """Return whether the configured model is there and whole."""
    if find_spec("worker") is None or find_spec("worker.model") is None:
        return Finding("model", "ok", "The worker is not installed on this machine, so it needs no model.")
    try:
        found = verify_model(Registry(settings.registry).find(settings.model))
    except ModelError as error:
        return Finding("model", "fail", str(error), "Correct worker.model, or publish the model again.")
    return Finding("model", "ok", f"{found.name} version {found.version} is there, and its digest is right.")


def installed_engines() -> list[str]:
    """Return which of the engines are installed here."""
    return [name for name in ("tensorflow", "openvino", "jax") if find_spec(name) is not None]


def look_at_gpu(settings: WorkerSettings, *, names: str | None, engines: Sequence[str]) -> Finding:
    """Return what the worker would compute on. No GPU is no failure: the CPU engine is made for it.

    ``names`` as ``gpu_names`` tells them, ``engines`` as ``installed_engines``.
    """
    if names is None:
        sentence = (
            f"There is no NVIDIA GPU; the worker uses the CPU ({', '.join(engines) or 'no engine is installed'})."
        )
        return Finding("gpu", "ok", sentence)
    if not names:
        return Finding(
            "gpu",
            "warn",
            "A driver is loaded, but nvidia-smi shows no GPU.",
            "In a container pass the GPU in (--gpus).",
        )
    on_a_gpu = [shown for name, shown in _ON_A_GPU.items() if name in engines]
    if not on_a_gpu:
        return Finding("gpu", "warn", f"{names} is there and idle.", "Install TensorFlow with CUDA, the GPU's engine.")
    if settings.engine == "openvino":
        return Finding("gpu", "warn", f"{names} is there; worker.engine is openvino.", "Set worker.engine to auto.")
    return Finding("gpu", "ok", f"{names}, with {on_a_gpu[0]}.")


def gpu_names() -> str | None:
    """Return the names of the NVIDIA GPUs; None without a driver, empty where the driver shows none."""
    if not Path("/proc/driver/nvidia/version").exists():
        return None
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        command = [program, "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return ""
    return ", ".join(done.stdout.strip().splitlines()) if done.returncode == 0 else ""
