"""prometheus.yml: promtool accepts it, and it asks every service on the port that it has."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from moodline.settings import Settings
from tests.deploy.test_kubernetes import WORKLOADS
from tests.support.needs import command
from tests.support.repository import ROOT

CONFIG = ROOT / "deploy/prometheus/prometheus.yml"
IN_A_CLUSTER = ROOT / "deploy/kubernetes/prometheus.yml"
JOB = re.compile(r'\bjob=~?"([\w|]+)"')


def test_promtool_accepts_it(tmp_path: Path) -> None:
    assert complaints(CONFIG) == ""

    # Debian's Prometheus cannot ask Kubernetes: its rules stand, with addresses in the place of what it would find.
    content = yaml.safe_load(IN_A_CLUSTER.read_text(encoding="utf-8"))
    assert [job.pop("kubernetes_sd_configs")[0]["role"] for job in content["scrape_configs"]] == ["pod"]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(content))
    assert complaints(tmp_path / "prometheus.yml") == ""


def complaints(config: Path) -> str:
    done = subprocess.run([command("promtool"), "check", "config", config], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def test_it_scrapes_every_replica_of_every_service() -> None:
    jobs: list[dict[str, Any]] = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["scrape_configs"]
    asked = {(job["job_name"], *target["names"], target["port"]) for job in jobs for target in job["dns_sd_configs"]}
    settings = Settings()

    assert asked == {
        ("ingest", "ingest", settings.ingest.metrics_port),
        ("ingest", "demo", settings.ingest.metrics_port),
        ("worker", "worker", settings.worker.metrics_port),
        ("worker", "worker-gpu", settings.worker.metrics_port),
        ("api", "api", settings.api.port),
        ("jobs", "jobs", settings.jobs.metrics_port),
    }


def asked_jobs() -> set[str]:
    """Return the names that alerts and dashboards ask for."""
    files = [ROOT / "deploy/prometheus/alerts.yml", *(ROOT / "deploy/grafana/boards").glob("*.py")]
    found = [name for file in files for name in JOB.findall(file.read_text(encoding="utf-8"))]
    return {name for names in found for name in names.split("|")}


def test_a_service_has_the_same_name_wherever_it_runs_and_alerts_and_dashboards_know_it() -> None:
    jobs = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["scrape_configs"]

    assert asked_jobs() == {job["job_name"] for job in jobs} == set(jobs_in_a_cluster())


def jobs_in_a_cluster() -> dict[str, int]:
    """Return the label job and the port of what the cluster's Prometheus finds among the workloads."""
    (scraped,) = yaml.safe_load(IN_A_CLUSTER.read_text(encoding="utf-8"))["scrape_configs"]
    found = {}
    for workload in WORKLOADS.values():
        pod = workload["spec"]["template"]
        for port in pod["spec"]["containers"][0]["ports"]:
            labels = {
                "__meta_kubernetes_pod_label_app_kubernetes_io_name": pod["metadata"]["labels"][
                    "app.kubernetes.io/name"
                ],
                "__meta_kubernetes_pod_container_port_name": port["name"],
                "__meta_kubernetes_pod_name": "one-of-them",
                "__meta_kubernetes_pod_phase": "Running",
            }
            if relabelled := after_relabelling(labels, scraped["relabel_configs"]):
                found[relabelled["job"]] = port["containerPort"]
    return found


def after_relabelling(labels: dict[str, str], rules: list[dict[str, Any]]) -> dict[str, str]:
    """Return what the rules of these few kinds make of a target's labels; nothing where they drop it."""
    for rule in rules:
        (source,) = rule["source_labels"]
        matches = re.fullmatch(rule.get("regex", ".*"), labels[source]) is not None
        if rule.get("action") in {"keep", "drop"}:
            if matches != (rule["action"] == "keep"):
                return {}
        else:
            labels[rule["target_label"]] = labels[source]
    return labels


def test_in_a_cluster_every_service_is_asked_on_the_port_that_it_has() -> None:
    settings = Settings()

    assert jobs_in_a_cluster() == {
        "ingest": settings.ingest.metrics_port,
        "worker": settings.worker.metrics_port,
        "api": settings.api.port,
        "jobs": settings.jobs.metrics_port,
    }
