"""deploy/scale.py counts right."""

import tomllib
from typing import Any

import pytest

from deploy.scale import buckets, main, need, table
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

    assert shown == table([need(7, INPUTS), need(250, INPUTS)])
    assert "| 7 streams | 250 streams |" in shown


def test_every_input_says_where_it_comes_from() -> None:
    text = (ROOT / "deploy/scale.toml").read_text(encoding="utf-8")
    choices = {"fps", "presence", "busy", "cores", "wait_s", "full"}  # decisions, not findings

    for line in text.splitlines():
        name = line.partition(" ")[0]
        if "=" in line and name not in choices and not line.startswith("#"):
            assert any(word in line for word in ("measured:", "bar:", "assumed")), line
