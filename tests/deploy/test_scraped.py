"""The running system, scraped by a real Prometheus: everything that dashboards and rules ask for has data."""

import json
import math
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import redis

from moodline.keys import PartitionKeys
from tests.deploy.local_compose import LocalCompose
from tests.deploy.series import names_in
from tests.deploy.test_dashboard import RECORDED, queries
from tests.deploy.test_rules import ALERTS
from tests.support.wait import wait_until

PATIENCE_S = 45
ASKED = sorted(set().union(RECORDED, *(names_in(text) for text in (*queries(), *(a["expr"] for a in ALERTS.values())))))


class Prometheus:
    """The system's Prometheus, by its HTTP API."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get(self, path: str, **parameters: str) -> Any:
        url = f"http://{self._address}:9090/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def values(self, query: str) -> list[float]:
        """Return the numbers that a query gives now."""
        found = [float(series["value"][1]) for series in self.get("query", query=query)["result"]]
        return [value for value in found if not math.isnan(value)]


@pytest.fixture(scope="module")
def prometheus(system: LocalCompose, secrets: Path) -> Prometheus:
    """Prometheus after a crop that nobody can classify: dead letters have data only then."""
    password = (secrets / "redis_operator").read_text()
    server = redis.Redis(host=system.addresses["redis"], username="operator", password=password)
    keys, found = PartitionKeys(0), Prometheus(system.addresses["prometheus"])
    none_yet = 'moodline_dropped_total{stream="demo", reason="poison"} == 0'
    wait_until(lambda: found.values(none_yet), description="it is scraped before", timeout=PATIENCE_S)
    with server:
        wait_until(lambda: server.exists(keys.of_stream("ledger", "demo")), description="the demo runs", timeout=30)
        server.xadd(keys.of_stream("queue", "demo"), {"meta": b"no crop", "image": b""})
        wait_until(lambda: server.xlen(keys.of_partition("dead")), description="it is a dead letter", timeout=30)
    return found


@pytest.mark.parametrize("name", ASKED)
def test_every_metric_that_is_asked_for_has_data(prometheus: Prometheus, name: str) -> None:
    wait_until(lambda: prometheus.values(name), description=f"{name} has data", timeout=PATIENCE_S, interval=0.3)


@pytest.mark.parametrize("query", queries())
def test_every_query_of_the_dashboards_returns_data(prometheus: Prometheus, query: str) -> None:
    local = query.replace("$stream", ".*")
    wait_until(lambda: prometheus.values(local), description=f"{query} has data", timeout=PATIENCE_S, interval=0.3)


def test_every_choice_of_the_dashboards_has_something_to_choose(prometheus: Prometheus) -> None:
    assert "demo" in prometheus.get("label/stream/values", **{"match[]": "moodline_stream_up"})


def test_every_service_is_scraped(prometheus: Prometheus) -> None:
    targets = prometheus.get("targets")["activeTargets"]

    assert {target["labels"]["job"] for target in targets} == {"ingest", "worker", "api", "jobs"}
    assert {target["health"] for target in targets} == {"up"}


def test_every_rule_can_be_evaluated(prometheus: Prometheus) -> None:
    def evaluated() -> bool:
        found = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        assert not [rule["lastError"] for rule in found if rule.get("lastError")]
        return len(found) == len(ALERTS) + len(RECORDED) and {rule["health"] for rule in found} == {"ok"}

    wait_until(evaluated, description="every rule was evaluated", timeout=PATIENCE_S)


def test_a_healthy_system_raises_no_alert_but_that_of_the_dead_letter(prometheus: Prometheus) -> None:
    # Pending ones count as raised: no test waits for five minutes. Two of them tell how busy this machine is.
    expected = {"MoodlineDeadLetters", "MoodlineStaleShare", "MoodlineLatencyHigh"}

    def raised() -> set[str]:
        return {alert["labels"]["alertname"] for alert in prometheus.get("alerts")["alerts"]}

    dead = {"MoodlineDeadLetters"}
    wait_until(lambda: dead <= raised() <= expected, description="this alert and no other", timeout=PATIENCE_S)
