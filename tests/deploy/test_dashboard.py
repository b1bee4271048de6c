"""Grafana's dashboards ask for metrics that exist, and are what their script makes."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.local_compose import CONTENT
from tests.deploy.series import declared_labels, names_in
from tests.support.repository import ROOT

GRAFANA = ROOT / "deploy/grafana"
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GRAFANA.glob("dashboards/*.json"))
}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"]]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/recording.yml").read_text(encoding="utf-8"))["groups"]
RECORDED = {rule["record"] for group in RULES for rule in group["rules"]}
LABELS = re.compile(r"\b(?:by|ignoring|on) \(([^)]*)\)|\{([^}]*)\}")
# What Prometheus itself and histograms add to the labels that moodline declares.
ADDED = {"le", "instance", "job"}
# Grafana's own ids. It takes any other text as the unit itself, so a misspelt one is drawn without a word.
UNITS = {"s", "bytes", "Bps", "percentunit", "ops", "reqps", "bool:yes/no"}
# Grafana shortens a number after count: and writes the word behind it.
COUNTED = {"streams", "faces", "events", "crops", "frames", "batches", "jobs", "workers", "processes", "replicas"}
COUNTED |= {"connections", "reconnects"}
# What is seen -> board, kind of panel, unit, and what its query is made of.
PROMISED: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "streams": ("overview", "stat", "count:streams", ("moodline_stream_up",)),
    "faces per second": ("overview", "stat", "count:faces/s", ("moodline_faces_total",)),
    "events per second": ("overview", "stat", "count:events/s", ("moodline_events_total",)),
    "mix of emotions over time": (
        "overview",
        "timeseries",
        "percentunit",
        ("moodline_events_total", "by (emotion)", "ignoring (emotion)"),
    ),
    "latency": ("overview", "heatmap", "s", ('moodline_stage_seconds_bucket{stage="total"}', "by (le)")),
    "drops by reason": ("overview", "timeseries", "count:faces/s", ("moodline_dropped_total", "by (reason)")),
    "queue depth": ("overview", "timeseries", "count:faces", ("moodline_queue_depth", "by (stream)")),
    "batch fill": (
        "worker",
        "timeseries",
        "count:faces",
        ("moodline_batch_size_sum", "/ sum(rate(moodline_batch_size_count"),
    ),
    "inference time": ("worker", "timeseries", "s", ("histogram_quantile", 'stage="inference"')),
    "engine and version": ("worker", "table", "count:workers", ("moodline_model_info", "model, version, engine")),
    "Redis memory": ("redis", "stat", "percentunit", ("moodline_redis_memory_bytes", "moodline_redis_memory_limit")),
    "jobs": ("redis", "timeseries", "count:jobs", ("moodline_jobs)", "by (kind, state)")),
}


def queries() -> list[str]:
    """Return every query of every dashboard once."""
    return sorted({target["expr"] for _, panel in PANELS for target in panel["targets"]})


def labels_in(query: str) -> Iterator[str]:
    for grouped, selected in LABELS.findall(query):
        yield from (label.strip() for label in grouped.split(",") if label.strip())
        yield from re.findall(r"(\w+)(?:=~|!~|!=|=)", selected)


def test_every_dashboard_of_the_issue_is_there() -> None:
    assert BOARDS.keys() == {"overview", "stream", "worker", "redis"}


@pytest.mark.parametrize("query", queries())
def test_every_metric_and_label_in_it_is_declared(query: str) -> None:
    declared = declared_labels()
    names = names_in(query)

    assert names
    assert names <= declared.keys() | RECORDED | {"up"}
    assert set(labels_in(query)) <= ADDED.union(*(declared.get(name, ()) for name in names))


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_panel_asks_a_question_and_has_a_unit_and_a_description(board: str, panel: dict[str, Any]) -> None:
    assert panel["title"].endswith("?"), board
    assert len(panel["description"]) > len("Too short to help.")
    assert panel["description"].endswith(".")
    assert is_known(panel["fieldConfig"]["defaults"]["unit"])


def is_known(unit: str) -> bool:
    """Return whether a unit is one of Grafana's, or counts what moodline counts, by the second or hour or not."""
    counted = re.fullmatch(r"count:(\w+)(?:/[sh])?", unit)
    return counted.group(1) in COUNTED if counted else unit in UNITS


def test_a_unit_that_grafana_does_not_know_is_noticed() -> None:
    for unit in ("banana", "none", "", "seconds", "count:bananas", "count:faces/min"):
        assert not is_known(unit), unit


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_unit_is_that_of_what_is_asked(board: str, panel: dict[str, Any]) -> None:
    unit, (query,) = panel["fieldConfig"]["defaults"]["unit"], (target["expr"] for target in panel["targets"])
    by_time = unit.endswith(("/s", "/h")) or unit in {"Bps", "ops", "reqps"}
    quotient = " / " in query

    assert not by_time or "rate(" in query, board
    assert quotient or by_time or "rate(" not in query or "histogram_quantile" in query or unit == "percentunit"
    if not quotient and not by_time and unit != "percentunit" and "_seconds" in query:
        assert unit == "s"
    if not quotient and "_bytes" in query:
        assert unit == ("Bps" if "rate(" in query else "bytes")
    assert unit != "percentunit" or quotient or "share" in query or "inference" in query


@pytest.mark.parametrize("seen", PROMISED)
def test_what_is_promised_has_its_panel(seen: str) -> None:
    board, kind, unit, parts = PROMISED[seen]
    found = [
        panel["title"]
        for panel in BOARDS[board]["panels"]
        if panel["type"] == kind
        and panel["fieldConfig"]["defaults"]["unit"] == unit
        and all(part in panel["targets"][0]["expr"] for part in parts)
    ]

    assert len(found) == 1, found


@pytest.mark.parametrize("board", BOARDS)
def test_no_panel_covers_another_or_asks_the_same(board: str) -> None:
    panels = BOARDS[board]["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["title"] for panel in panels}) == len(panels)


@pytest.mark.parametrize("board", BOARDS)
def test_what_its_queries_leave_open_can_be_chosen(board: str) -> None:
    content = BOARDS[board]
    used = set(re.findall(r"\$(\w+)", json.dumps([panel["targets"] for panel in content["panels"]])))

    assert used == {choice["name"] for choice in content["templating"]["list"]}


def test_they_are_what_their_script_makes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.grafana.build", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_grafana_finds_the_data_source_and_the_dashboards() -> None:
    provisioning = GRAFANA / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/moodline.yml").read_text())["providers"]
    service = CONTENT["services"]["grafana"]
    mounted = {volume["target"]: volume["source"] for volume in service["volumes"] if isinstance(volume, dict)}

    assert {panel["datasource"]["uid"] for _, panel in PANELS} == {source["uid"]}
    assert mounted[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    home = service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/overview.json"
