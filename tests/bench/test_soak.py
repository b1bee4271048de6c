"""The soak runs, and tells what is flat from what grows."""

import csv
import subprocess
import sys
from pathlib import Path

from bench.soak.usage import Sample, growing
from tests.support.repository import ROOT


def samples(**growth: float) -> list[Sample]:
    """Return an hour of samples; what is named grows by so much a minute."""
    flat = {"worker_memory": 300.0, "worker_files": 20, "server_memory": 4.0, "server_files": 14}
    flat |= {"keys": 90, "keys_memory": 0.5, "largest_key": 0.3}
    return [
        Sample(minute * 60, **{name: value + minute * growth.get(name, 0.0) for name, value in flat.items()})
        for minute in range(60)
    ]


def test_what_grows_is_named() -> None:
    assert growing(samples()) == []
    assert growing(samples(worker_files=0.5)) == ["worker_files grows: 34.8 in the second third, 44.8 in the last."]
    assert [sentence.split()[0] for sentence in growing(samples(server_memory=0.1, keys=3))] == [
        "server_memory",
        "keys",
    ]


def test_what_grows_only_until_it_is_full_is_flat() -> None:
    until_full = [*samples(keys=5)[:20], *samples()[20:]]
    assert growing(until_full) == []


def test_a_short_soak_ends_with_figures_a_plot_and_a_verdict(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.soak", "--minutes", "0.3", "--worker", "tests.support.null_worker"]

    done = subprocess.run(
        [*command, "--folder", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )

    assert done.returncode in (0, 1), done.stderr
    assert "ledger" not in done.stdout
    assert ("flat" in done.stdout) == (done.returncode == 0)
    with (tmp_path / "soak.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 10
    assert all(float(row["worker_memory"]) > 10 and float(row["keys"]) > 10 for row in rows)
    assert "</svg>" in (tmp_path / "soak.svg").read_text("utf-8")
