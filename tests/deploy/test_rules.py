"""Recording and alert rules: promtool reads them, each alert is seen firing, and each has its entry in the runbook."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.series import declared_labels, names_in
from tests.support.needs import command
from tests.support.repository import ROOT

FOLDER = ROOT / "deploy/prometheus"
RUNBOOK = ROOT / "docs/runbook.md"


def rules(name: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}
RECORDED = {rule["record"]: rule for rule in rules("recording.yml")}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command("promtool"), *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)


def test_promtool_accepts_the_rules() -> None:
    done = promtool("check", "rules", "recording.yml", "alerts.yml")

    assert done.returncode == 0, done.stderr


def test_each_alert_fires_when_it_must_and_is_quiet_when_all_is_well() -> None:
    done = promtool("test", "rules", "alerts_test.yml")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_tests_see_every_alert_fire_and_every_alert_quiet() -> None:
    tests = yaml.safe_load((FOLDER / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", ())]
    expressions = " ".join(case["expr"] for test in tests for case in test.get("promql_expr_test", ()))
    fired = {case["alertname"] for case in cases if case["exp_alerts"]}
    fired |= set(re.findall(r'ALERTS\{alertname="(\w+)", alertstate="firing"\}', expressions))

    assert fired == ALERTS.keys()
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == ALERTS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_urgent_it_is_and_what_is_wrong(name: str) -> None:
    alert = ALERTS[name]

    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["annotations"]["summary"].endswith(".")
    assert alert["annotations"]["description"]


def test_every_rule_asks_for_metrics_that_are_declared() -> None:
    known = declared_labels().keys() | RECORDED.keys() | {"up"}

    for rule in (*ALERTS.values(), *RECORDED.values()):
        assert names_in(rule["expr"]), rule
        assert names_in(rule["expr"]) <= known, rule


def test_the_runbook_has_an_entry_for_each_alert_and_no_other() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    entries = dict(re.findall(r"^## (Moodline\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))

    assert list(entries) == list(ALERTS)
    for name, entry in entries.items():
        for part in ("**Means.**", "**Look.**", "**Do.**"):
            assert part in entry, name


def test_entries_that_the_runbook_points_to_exist() -> None:
    named = set(re.findall(r"`(Moodline\w+)`", RUNBOOK.read_text(encoding="utf-8")))

    assert named <= ALERTS.keys()
