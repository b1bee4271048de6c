"""prometheus.yml: promtool accepts it, and it asks every service on the port that it has."""

import subprocess
from typing import Any

import yaml

from moodline.settings import Settings
from tests.support.needs import command
from tests.support.repository import ROOT

CONFIG = ROOT / "deploy/prometheus/prometheus.yml"


def test_promtool_accepts_it() -> None:
    done = subprocess.run([command("promtool"), "check", "config", CONFIG], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


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
