"""What a group of processes uses, as Linux counts it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """``memory_mib`` is the proportional set size: memory that processes share is divided among them."""

    processes: int
    memory_mib: float
    cpu_s: float


def usage_of_group(group: int) -> Usage:
    """Return what all processes of a group use together; those that end meanwhile count for nothing."""
    found = [(_memory_kib(process), _cpu_s(process)) for process in _members(group)]
    alive = [(memory, cpu) for memory, cpu in found if memory]
    return Usage(len(alive), sum(memory for memory, _ in alive) / 1024, sum(cpu for _, cpu in alive))


def _members(group: int) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == group:
                yield process
        except ProcessLookupError:
            continue


def _memory_kib(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text("utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _cpu_s(process: Path) -> float:
    try:
        fields = (process / "stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
