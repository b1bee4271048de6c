"""What a worker, the server and its keys take, sample by sample, and whether it grows."""

import csv
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

from bench.server import Server
from moodline.keys import NAMESPACE

_MIB: Final = 2**20
_MOST_GROWTH: Final = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Memory in MiB; ``worker_*`` are those of the worker that is never restarted."""

    seconds: float
    worker_memory: float
    worker_files: float
    server_memory: float
    server_files: float
    keys: float
    keys_memory: float
    largest_key: float


_SLACK: Final = {"worker_files": 4.0, "server_files": 6.0, "keys": 25.0, "keys_memory": 0.2, "largest_key": 0.1}
"""Growth that is none: connections and keys that come and go, and happen to be there at one look."""


def look(server: Server, worker_pid: int, seconds: float) -> Sample:
    """Take a sample."""
    info = server.broker.client.info()
    names = list(server.broker.client.scan_iter(match=f"{NAMESPACE}*", count=1000))
    sizes = [server.broker.client.memory_usage(name) or 0 for name in names]
    return Sample(
        seconds=round(seconds, 1),
        worker_memory=_resident_mib(worker_pid),
        worker_files=_open_files(worker_pid),
        server_memory=round(info["used_memory"] / _MIB, 3),
        server_files=_open_files(info["process_id"]),
        keys=len(names),
        keys_memory=round(sum(sizes) / _MIB, 3),
        largest_key=round(max(sizes, default=0) / _MIB, 3),
    )


def growing(samples: Sequence[Sample]) -> list[str]:
    """Return a sentence for each figure whose last third is higher than the third before; none is flat."""
    third = len(samples) // 3
    if not third:
        return ["Too few samples to tell."]
    sentences = []
    for name in columns()[1:]:
        before, after = (_mean(part, name) for part in (samples[third : 2 * third], samples[2 * third :]))
        if after - before > max(_MOST_GROWTH * before, _SLACK.get(name, 0.0)):
            sentences.append(f"{name} grows: {before:.3g} in the second third, {after:.3g} in the last.")
    return sentences


def columns() -> list[str]:
    """Return the names of a sample's figures."""
    return [field.name for field in fields(Sample)]


def write_csv(samples: Sequence[Sample], file: Path) -> None:
    """Write all samples."""
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(columns())
        writer.writerows(astuple(sample) for sample in samples)


def plot(samples: Sequence[Sample], file: Path) -> None:
    """Draw each figure over time, as SVG."""
    from matplotlib.figure import Figure

    names = columns()[1:]
    figure = Figure(figsize=(8, 1.4 * len(names)), layout="constrained")
    for number, name in enumerate(names, start=1):
        panel = figure.add_subplot(len(names), 1, number)
        panel.plot([sample.seconds for sample in samples], [getattr(sample, name) for sample in samples])
        panel.set_title(name, loc="left", fontsize="small")
        panel.set_ylim(bottom=0)
    figure.savefig(file, format="svg", metadata={"Date": None})


def _mean(samples: Sequence[Sample], name: str) -> float:
    return float(sum(getattr(sample, name) for sample in samples) / len(samples))


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / _MIB, 1)


def _open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a Path a file is more than a count needs
