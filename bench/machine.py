"""What a measurement was made on: without it a figure says little."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from moodline import __version__
from moodline.embedded import find_server

_LIBRARIES = ("tensorflow", "keras", "openvino", "opencv-python-headless", "numpy", "redis")


def describe() -> list[str]:
    """Return lines on date, processor, memory, load and versions."""
    system = f"{platform.system()} {platform.release()}"
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, moodline {__version__}",
        f"{_processor()}, {_cores()} cores, {_memory_gib():.0f} GiB, {system}; load {os.getloadavg()[0]:.1f} before",
        f"Python {platform.python_version()}, {', '.join(_versions())}, {_server()}",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {name.strip(): value.strip() for name, value in facts.items()}
    family = f" (family {named['cpu family']}, model {named['model']})" if "cpu family" in named else ""
    return named.get("model name", platform.machine()) + family


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_gib() -> float:
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _server() -> str:
    """The name and version of the server that a measurement starts."""
    binary = find_server()
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"v=([\d.]+)", said.stdout)
    return f"{binary.name} {found[1] if found else ''}".strip()


def _versions() -> list[str]:
    found = []
    for library in _LIBRARIES:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            found.append(f"no {library}")
    return found
