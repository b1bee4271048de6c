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
    assert panel["fieldConfig"]["defaults"]["unit"]


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
