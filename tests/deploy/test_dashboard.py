"""Grafana's dashboard asks for metrics that exist, in queries that Prometheus can read."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from moodline.metrics import HISTOGRAMS, Metric, exposed_names
from tests.support.needs import command
from tests.support.repository import ROOT

GRAFANA = ROOT / "deploy/grafana"
PANELS: list[dict[str, Any]] = json.loads((GRAFANA / "dashboards/overview.json").read_text(encoding="utf-8"))["panels"]
METRIC = re.compile(r"\bmoodline_\w+")
LABELS = re.compile(r"\b(?:by|ignoring|on) \(([^)]*)\)|\{([^}]*)\}")


def queries() -> list[str]:
    return [target["expr"] for panel in PANELS for target in panel["targets"]]


def series() -> dict[str, Metric]:
    """Return every series by name: a histogram is three."""
    histograms = {metric.name for metric in HISTOGRAMS.values()}
    found: dict[str, Metric] = {}
    for name, metric in exposed_names().items():
        suffixes = ("_bucket", "_sum", "_count") if name in histograms else ("",)
        found |= {name + suffix: metric for suffix in suffixes}
    return found


def labels_in(query: str) -> Iterator[str]:
    for grouped, selected in LABELS.findall(query):
        yield from (label.strip() for label in grouped.split(",") if label.strip())
        yield from re.findall(r"(\w+)(?:=~|!~|!=|=)", selected)


@pytest.mark.parametrize("query", queries())
def test_every_metric_and_label_in_it_is_declared(query: str) -> None:
    names = METRIC.findall(query)

    assert names
    assert set(names) <= series().keys()
    assert set(labels_in(query)) <= {"le"}.union(*(series()[name].labels for name in names))


def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$stream", ".*")} for number, query in enumerate(queries())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run([command("promtool"), "check", "rules", file], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_every_panel_asks_a_question_and_has_a_unit_and_a_description() -> None:
    for panel in PANELS:
        assert panel["title"].endswith("?")
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_no_panel_covers_another() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_it_is_what_its_script_makes() -> None:
    done = subprocess.run(
        [sys.executable, GRAFANA / "build.py", "--check"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_grafana_finds_the_data_source_and_the_dashboard() -> None:
    provisioning = GRAFANA / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/moodline.yml").read_text())["providers"]
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["grafana"]
    mounted = {target: name for name, target, *_ in (volume.split(":") for volume in service["volumes"])}

    assert {panel["datasource"]["uid"] for panel in PANELS} == {source["uid"]}
    assert mounted[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    home = service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/overview.json"
