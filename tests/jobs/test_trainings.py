"""Trainings over the API: with a real trainer on faces of noise, and refused where nobody allowed them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from moodline.embedded import EmbeddedServer
from moodline.emotions import EMOTIONS
from moodline.sealing import new_key
from moodline.settings import JobSettings
from tests.api.stage import serving
from tests.jobs.conftest import Jobs
from tests.support.brokers import broker_on
from tests.support.recordings import Running
from tests.support.wait import wait_until

# Several processes start one after another, which on a busy machine takes its time.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data sets, one of them with a few faces of noise."""
    root, random = tmp_path_factory.mktemp("data"), np.random.default_rng(7)
    for split in ("train", "validation"):
        for emotion in EMOTIONS:
            folder = root / "noise" / split / emotion
            folder.mkdir(parents=True)
            for number in range(4):
                cv2.imwrite(str(folder / f"{number}.png"), random.integers(0, 255, (48, 48), np.uint8))
    (root / "empty").mkdir()
    return root


@pytest.fixture(scope="module")
def trainings(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """An API that takes trainings, and a process that does them."""
    folder = tmp_path_factory.mktemp("jobs")
    with EmbeddedServer() as server:
        running = Running(server, new_key())
        broker = broker_on(server)
        jobs = Jobs(running, folder, kind="training", training_data=str(data))
        try:
            with serving(broker, jobs=JobSettings(folder=folder, training_data=data)) as client:
                yield client, folder
        finally:
            jobs.end()
            broker.close()


def ended(client: httpx.Client, job: str) -> dict[str, Any]:
    def reached() -> dict[str, Any] | None:
        shown: dict[str, Any] = client.get(f"/v1/trainings/{job}").json()
        return shown if shown["state"] in {"done", "failed", "cancelled"} else None

    found = wait_until(reached, description="the training has ended", timeout=280, interval=0.3)
    assert found is not None
    return found


def start(client: httpx.Client, **asked: str) -> str:
    answer = client.post("/v1/trainings", json=asked)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_a_training_is_cancelled_and_one_that_cannot_be_says_why(trainings: tuple[httpx.Client, Path]) -> None:
    client, folder = trainings
    cancelled, hopeless = start(client, data="noise", recipe="default"), start(client, data="empty")
    wait_until(
        lambda: client.get(f"/v1/trainings/{cancelled}").json()["state"] == "running",
        description="it runs",
        timeout=60,
    )

    client.delete(f"/v1/trainings/{cancelled}")

    assert ended(client, cancelled)["state"] == "cancelled"
    assert not (folder / cancelled).exists()
    failed = ended(client, hopeless)
    assert failed["state"] == "failed"
    assert failed["sentence"].startswith("The training failed: ")


@pytest.mark.parametrize("path", ["../noise", "/etc", "nowhere"])
def test_only_data_below_the_folder_can_be_trained_on(trainings: tuple[httpx.Client, Path], path: str) -> None:
    client, _ = trainings

    assert client.post("/v1/trainings", json={"data": path}).status_code == 422
    assert client.post("/v1/trainings", json={"data": "noise", "recipe": "../evil"}).status_code == 422


def test_a_training_runs_to_its_end_and_leaves_its_run(trainings: tuple[httpx.Client, Path]) -> None:
    client, folder = trainings
    job = start(client, data="noise", recipe="quick")

    done = ended(client, job)

    assert (done["state"], done["percent"], done["seconds_left"]) == ("done", 100, None), done["sentence"]
    assert (done["recipe"], done["epochs"], done["total_epochs"]) == ("quick", 3, 3)
    run = folder / job / "results"
    assert done["sentence"].startswith(f"The run is in {run}; `moodline models publish {run} ")
    assert (run / "history.csv").read_text().count("\n") == 4, "a header and three epochs"
    assert (run / "report.html").exists()
    assert client.get("/v1/trainings").json()["trainings"][0]["id"] == job
    assert re.search(r'moodline_jobs\{kind="training",state="done"\} 1', client.get("/metrics").text)
