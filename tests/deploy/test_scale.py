"""deploy/scale.py counts right."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from deploy.bench_figures import BenchError, figure
from deploy.scale import BENCHMARKS, buckets, limits, main, need, table, with_bench
from tests.support.repository import ROOT

INPUTS: dict[str, Any] = tomllib.loads((ROOT / "deploy/scale.toml").read_text(encoding="utf-8"))


def test_a_hundred_times_the_streams_need_a_hundred_times_the_cores() -> None:
    few, many = need(10, INPUTS), need(1_000, INPUTS)

    assert many.crops_s == pytest.approx(100 * few.crops_s)
    assert many.worker_cores == pytest.approx(100 * few.worker_cores)
    assert many.summary_memory == pytest.approx(100 * few.summary_memory)


def test_it_agrees_with_what_one_counts_by_hand() -> None:
    inputs = {**INPUTS, "load": {"fps": 4.0, "faces": 0.5, "presence": 1.0}}
    inputs["worker"] = {"cpu_faces_per_core_s": 100.0, "gpu_faces_s": 1000.0, "busy": 0.5, "cores": 2}
    found = need(100, inputs)

    assert found.crops_s == 200
    assert found.worker_cores == pytest.approx(4)  # 200 faces/s, 100 a core, half busy
    assert found.workers == 2
    assert found.gpus == 1
    assert found.summary_memory == pytest.approx(100 * buckets() * INPUTS["redis"]["bucket_bytes"])
    assert buckets() == 360 + 2880 + 2160 + 730  # 10 s/1 h, 1 min/48 h, 1 h/90 d, 1 d/2 y


def test_there_is_never_less_than_one_of_anything() -> None:
    least = need(1, INPUTS)

    assert least.redis_servers == least.workers == least.gpus == least.ingest_hosts == 1


def test_the_table_has_a_column_for_each_number_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["7", "250"]) == 0
    shown = capsys.readouterr().out
    inputs, _ = with_bench(INPUTS, BENCHMARKS)

    assert shown == table([need(7, inputs), need(250, inputs)])
    assert "| 7 streams | 250 streams |" in shown


def test_every_input_says_where_it_comes_from() -> None:
    text = (ROOT / "deploy/scale.toml").read_text(encoding="utf-8")
    choices = {"fps", "presence", "busy", "cores", "wait_s", "full"}  # decisions, not findings

    for line in text.partition("[from_bench]")[0].splitlines():
        name = line.partition(" ")[0]
        if "=" in line and name not in choices and not line.startswith("#"):
            assert any(word in line for word in ("measured:", "bar:", "assumed")), line


DOCUMENT = """# Benchmarks

<!-- case: whole-way -->
| | crops/s |
| --- | ---: |
| moodline | 1 |

<!-- case: queue -->
## Queue

- 2026-11-22 10:58 UTC, moodline 0.1.0
- AMD EPYC, 2 cores, 24 GiB

**From the queue to the event feed**

| streams | crops/s | worker, us |
| --- | ---: | ---: |
| 1 | 12,345.5 (11,000-13,000) | 70 |
| 32 | 9876 (9000-9999) | 80 |

- met: at least 10,000 crops/s
<!-- case: inference -->
- 2026-11-23 10:58 UTC, moodline 0.1.0
- AMD EPYC, 4 cores, 24 GiB
| engine | batch | faces/s |
| --- | ---: | ---: |
| keras.predict | 32 | 900 |
| openvino f32 | 64 | 240 (1-2) |
| openvino bf16 | 64 | 480.0 (1-2) |
"""


@pytest.fixture
def benchmarks(tmp_path: Path) -> Path:
    document = tmp_path / "benchmarks.md"
    document.write_text(DOCUMENT, encoding="utf-8")
    return document


def test_what_the_benchmark_has_measured_is_taken_from_it(benchmarks: Path) -> None:
    inputs, sources = with_bench(INPUTS, benchmarks)

    assert inputs["redis"]["crops_per_s"] == 9876
    assert inputs["worker"]["cpu_faces_per_core_s"] == 120  # the faster of OpenVINO's, on 4 cores
    assert inputs["ingest"]["stream_mb"] == INPUTS["ingest"]["stream_mb"]
    assert {source.name: source.words for source in sources} == {
        "worker.cpu_faces_per_core_s": "[make bench](benchmarks.md), case inference, 2026-11-23",
        "redis.crops_per_s": "[make bench](benchmarks.md), case queue, 2026-11-22",
        "ingest.stream_mb": "`scale.toml`: the benchmarks have no case many-streams yet",
    }


def test_a_section_without_its_figure_is_named_in_a_sentence(benchmarks: Path) -> None:
    with pytest.raises(BenchError, match="section of the case queue, but no figure in a column 'faces/s' there"):
        figure(benchmarks, {"case": "queue", "column": "faces/s", "pick": "min"})


def test_every_case_that_it_asks_for_is_one_of_the_benchmarks_or_is_to_come() -> None:
    for asked in INPUTS["from_bench"].values():
        assert re.fullmatch(r"[a-z-]+", asked["case"])
        figure(BENCHMARKS, asked)  # raises where a section has changed


def test_the_prose_of_the_page_says_what_the_table_says() -> None:
    inputs, _ = with_bench(INPUTS, BENCHMARKS)
    most, page = need(100_000, inputs), (ROOT / "docs/scaling.md").read_text(encoding="utf-8")

    assert f"{most.camera_network / 1e9:.0f} Gbit/s from cameras, ingest at {most.ingest_cores:,.0f} cores" in page
    assert f"\n   {most.redis_network / most.streams / 1e6:.2f} Mbit/s (the row" in page
    assert 24 <= most.redis_servers < 100, "dozens of Redis servers"
    assert "One Redis server carries 1,000 streams" in limits({**inputs, "redis": {"crops_per_s": 5000, "full": 0.5}})
