#!/usr/bin/env python3
"""Makes Grafana's dashboards from the panels declared here; build.py --check only compares."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent / "dashboards"
DATA_SOURCE = {"type": "prometheus", "uid": "prometheus"}
COLUMNS = 24  # Grafana's grid

Json = dict[str, Any]
Kind = Literal["stat", "timeseries", "bargauge"]


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


# $stream is the choice at the top. Gauges that several processes report are taken once: max.
OVERVIEW = (
    Panel(
        title="How many streams are live?",
        description="Streams whose source delivers frames now.",
        query='sum(max by (stream) (moodline_stream_up{stream=~"$stream"}))',
        unit="none",
        kind="stat",
        width=6,
        height=4,
    ),
    Panel(
        title="How many emotion events per second?",
        description="Faces that were classified and published, all chosen streams together.",
        query='sum(rate(moodline_events_total{stream=~"$stream"}[1m]))',
        unit="cps",
        kind="stat",
        width=6,
        height=4,
    ),
    Panel(
        title="How old is an event when it is published?",
        description="From the capture of the frame to the event; 95 of 100 are faster than this.",
        query=('histogram_quantile(0.95, sum by (le) (rate(moodline_stage_seconds_bucket{stage="total"}[1m])))'),
        unit="s",
        kind="stat",
        width=6,
        height=4,
    ),
    Panel(
        title="What share of the accepted faces is dropped?",
        description="Accepted crops that ended without an event. Anything above zero has a reason below.",
        query=(
            # A stream that has dropped nothing yet has no such series.
            '(sum(rate(moodline_dropped_total{stream=~"$stream"}[1m])) or vector(0))'
            ' / sum(rate(moodline_accepted_total{stream=~"$stream"}[1m]))'
        ),
        unit="percentunit",
        kind="stat",
        width=6,
        height=4,
    ),
    Panel(
        title="How many faces per second does each stream see?",
        description="Faces found by the detector, before any limit.",
        query='sum by (stream) (rate(moodline_faces_total{stream=~"$stream"}[1m]))',
        unit="cps",
        legend="{{stream}}",
    ),
    Panel(
        title="Which emotions are seen?",
        description="Share of each emotion among the events of the last five minutes.",
        query=(
            'sum by (emotion) (rate(moodline_events_total{stream=~"$stream"}[5m]))'
            ' / ignoring (emotion) group_left () sum(rate(moodline_events_total{stream=~"$stream"}[5m]))'
        ),
        unit="percentunit",
        legend="{{emotion}}",
        stacked=True,
    ),
    Panel(
        title="Where does the time go?",
        description="Time in each stage; 95 of 100 are faster than this.",
        query="histogram_quantile(0.95, sum by (le, stage) (rate(moodline_stage_seconds_bucket[1m])))",
        unit="s",
        legend="{{stage}}",
    ),
    Panel(
        title="How many faces wait?",
        description="Crops in each stream's queue. One that grows and stays wants another worker.",
        query='max by (stream) (moodline_queue_depth{stream=~"$stream"})',
        unit="none",
        legend="{{stream}}",
    ),
    Panel(
        title="Why are accepted faces dropped?",
        description="Crops that ended without an event, by reason: stale and overflow mean too few workers.",
        query='sum by (reason) (rate(moodline_dropped_total{stream=~"$stream"}[1m]))',
        unit="cps",
        legend="{{reason}}",
        stacked=True,
    ),
    Panel(
        title="Why are faces never accepted?",
        description="What ingest left out on purpose, by reason: rate, budget, motion, admission.",
        query='sum by (reason) (rate(moodline_skipped_total{stream=~"$stream"}[1m]))',
        unit="cps",
        legend="{{reason}}",
        stacked=True,
    ),
    Panel(
        title="Which streams come and go?",
        description="Reconnects in the last ten minutes.",
        query='sum by (stream) (increase(moodline_reconnects_total{stream=~"$stream"}[10m]))',
        unit="none",
        legend="{{stream}}",
        kind="bargauge",
    ),
    Panel(
        title="How full are the batches?",
        description="Mean number of faces in one run of the model: small batches wait less.",
        query="sum(rate(moodline_batch_size_sum[1m])) / sum(rate(moodline_batch_size_count[1m]))",
        unit="none",
        legend="faces a batch",
    ),
)


def dashboard(title: str, uid: str, panels: tuple[Panel, ...]) -> Json:
    """Return a dashboard in Grafana's format."""
    places = _places(panels)
    return {
        "uid": uid,
        "title": title,
        "tags": ["moodline"],
        "schemaVersion": 41,
        "editable": False,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "templating": {"list": [_stream_choice()]},
        "panels": [_panel(number, *pair) for number, pair in enumerate(zip(panels, places, strict=True), start=1)],
    }


def _places(panels: tuple[Panel, ...]) -> list[tuple[int, int]]:
    """Return the x and y of each panel: from left to right, in a new row where one does not fit."""
    places = []
    x = y = row_height = 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y = 0, y + row_height
        places.append((x, y))
        x, row_height = x + panel.width, panel.height
    return places


def _panel(number: int, panel: Panel, place: tuple[int, int]) -> Json:
    x, y = place
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATA_SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "targets": [{"refId": "A", "datasource": DATA_SOURCE, "expr": panel.query, "legendFormat": panel.legend}],
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": _drawing(panel)},
            "overrides": [],
        },
    }


def _drawing(panel: Panel) -> Json:
    if panel.kind != "timeseries":
        return {}
    fill = 60 if panel.stacked else 10
    return {"fillOpacity": fill, "stacking": {"mode": "normal" if panel.stacked else "none"}}


def _stream_choice() -> Json:
    return {
        "name": "stream",
        "label": "Stream",
        "type": "query",
        "datasource": DATA_SOURCE,
        "query": "label_values(moodline_stream_up, stream)",
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def main(arguments: list[str]) -> int:
    """Write the dashboards, or with --check say which are not up to date. Returns the exit code."""
    made = {"overview.json": dashboard("moodline", "moodline-overview", OVERVIEW)}
    outdated = 0
    for name, content in made.items():
        path, text = FOLDER / name, json.dumps(content, indent=2) + "\n"
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path} is not what its script makes: run deploy/grafana/build.py", file=sys.stderr)
            outdated = 1
    return outdated


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
