"""A panel of a dashboard, and how Grafana wants it written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

DATA_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
COLUMNS: Final = 24  # Grafana's grid

Json = dict[str, Any]
Kind = Literal["stat", "timeseries", "bargauge", "heatmap", "table", "state-timeline"]


@dataclass(frozen=True)
class Panel:
    """One panel: a question, and the query that answers it."""

    title: str
    description: str
    query: str
    unit: str
    legend: str = ""
    kind: Kind = "timeseries"
    width: int = 12
    height: int = 8
    stacked: bool = False


@dataclass(frozen=True)
class Board:
    """One dashboard. ``choices``: labels that can be chosen at the top, each with the metric that lists its values."""

    name: str
    title: str
    panels: Sequence[Panel]
    choices: Sequence[tuple[str, str]] = ()

    def to_grafana(self) -> Json:
        """Return the dashboard in Grafana's format."""
        pairs = zip(self.panels, _places(self.panels), strict=True)
        return {
            "uid": f"moodline-{self.name}",
            "title": self.title,
            "tags": ["moodline"],
            "schemaVersion": 41,
            "editable": False,
            "refresh": "5s",
            "time": {"from": "now-15m", "to": "now"},
            "links": [{"type": "dashboards", "tags": ["moodline"], "title": "moodline", "asDropdown": True}],
            "templating": {"list": [_choice(label, metric) for label, metric in self.choices]},
            "panels": [_panel(number, *pair) for number, pair in enumerate(pairs, start=1)],
        }


def _places(panels: Sequence[Panel]) -> list[tuple[int, int]]:
    """Return the x and y of each panel: from left to right, in a new row where one does not fit."""
    places = []
    x = y = row_height = 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, row_height = 0, y + row_height, 0
        places.append((x, y))
        x, row_height = x + panel.width, max(row_height, panel.height)
    return places


def _panel(number: int, panel: Panel, place: tuple[int, int]) -> Json:
    x, y = place
    target: Json = {"refId": "A", "datasource": DATA_SOURCE, "expr": panel.query, "legendFormat": panel.legend}
    if panel.kind == "heatmap":
        target["format"] = "heatmap"
    if panel.kind == "table":
        target |= {"format": "table", "instant": True}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATA_SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "targets": [target],
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": _drawing(panel)}, "overrides": []},
        "options": _options(panel),
    }


def _drawing(panel: Panel) -> Json:
    if panel.kind != "timeseries":
        return {}
    fill = 60 if panel.stacked else 10
    return {"fillOpacity": fill, "stacking": {"mode": "normal" if panel.stacked else "none"}}


def _options(panel: Panel) -> Json:
    if panel.kind == "heatmap":
        return {"calculate": False, "yAxis": {"unit": panel.unit}, "color": {"scheme": "Oranges", "mode": "scheme"}}
    if panel.kind == "timeseries":
        return {"tooltip": {"mode": "multi", "sort": "desc"}, "legend": {"displayMode": "list", "placement": "bottom"}}
    return {}


def _choice(label: str, metric: str) -> Json:
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": DATA_SOURCE,
        "query": f"label_values({metric}, {label})",
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
