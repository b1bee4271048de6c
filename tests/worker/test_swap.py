"""Another model under load: no crop lost, no batch judged by two, and what does not fit is refused."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moodline.broker import Broker
from moodline.config.watch import ConfigFile
from moodline.embedded import EmbeddedServer
from moodline.metrics import Metrics
from moodline.sealing import new_key
from moodline.settings import Settings, WorkerSettings, load_settings
from tests.support.brokers import emptied
from tests.support.chaos import Feeder, Subscriber, assert_nothing_lost_nothing_twice, drained
from tests.support.null_worker import null_manifest
from tests.support.wait import wait_until
from tests.support.workers import WorkerProcess, start_worker
from worker.engines.base import Bucketed, Pixels, Probabilities
from worker.model import Classifier, find_model, load_classifier
from worker.pipeline import Pipeline
from worker.swap import ModelWatch

KEY = new_key()


class VersionEngine:
    """Its answer tells which version gave it."""

    name = "version"

    def __init__(self, version: int) -> None:
        self._row = np.full(7, 0.01 * version, np.float32)
        self._row[3] = 1 - 6 * 0.01 * version

    def predict(self, pixels: Pixels) -> Probabilities:
        return np.tile(self._row, (len(pixels), 1))


def classifier(version: int) -> Classifier:
    manifest = null_manifest().model_copy(update={"version": version})
    return Classifier(manifest, Bucketed(VersionEngine(version), 8), manifest.labels)


@pytest.fixture
def broker(embedded_server: EmbeddedServer) -> Iterator[Broker]:
    with emptied(embedded_server, seal_key=KEY) as fresh:
        yield fresh


def test_every_event_names_the_version_that_judged_it_and_none_is_lost(broker: Broker) -> None:
    stop = threading.Event()
    settings = Settings(redis=broker.settings, worker=WorkerSettings(batch_size=8))
    pipeline = Pipeline(broker, settings, classifier(1), worker="w", metrics=Metrics(), stop=stop)
    running = threading.Thread(target=pipeline.run)
    running.start()
    feeder = Feeder(broker, 1, streams=("rec-0", "rec-1", "rec-2"))
    try:
        with Subscriber(broker) as subscriber:
            with feeder.feeding(pause_s=0.001):
                for version in range(1, 10):
                    pipeline.swap(classifier(version))
                    wait_until(partial(judges, subscriber, version), description=f"version {version} judges")
            wait_until(lambda: drained(broker), description="everything is worked off")
            assert_nothing_lost_nothing_twice(broker, feeder, subscriber)
    finally:
        stop.set()
        running.join()
    for stream in feeder.sources:
        events = [event for event in subscriber.events if event.stream == stream and event.kind == "emotion"]
        versions = [event.model.version for event in events]
        assert versions == sorted(versions), "once a version is followed by another, it does not come back"
        for event in events:
            assert event.probabilities is not None
            assert event.probabilities["sad"] == pytest.approx(0.01 * event.model.version, abs=1e-4)
    assert {event.model.version for event in subscriber.events} == set(range(1, 10))


def test_a_published_version_follows_and_what_does_not_fit_is_refused(
    broker: Broker, embedded_server: EmbeddedServer, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(find_model("vgg11-ferplus"), model)
    first = json.loads((model / "manifest.json").read_text())["version"]
    worker = start_worker(embedded_server, KEY, model=str(model), batch_size="8")
    feeder = Feeder(broker, 1, streams=("rec-0", "rec-1"))
    try:
        worker.wait_ready()
        with Subscriber(broker) as subscriber:
            with feeder.feeding(pause_s=0.02):
                wait_until(lambda: subscriber.events, description="events flow")
                publish(model, version=first + 1)
                wait_until(partial(judges, subscriber, first + 1), description="it follows", timeout=60)
                assert swaps(worker, "taken") == 1

                whole = (model / "model.keras").read_bytes()
                (model / "model.keras").write_bytes(whole[:-100])
                publish(model, version=first + 2)
                wait_until(lambda: "is damaged" in worker.log(), description="a damaged one is refused")
                (model / "model.keras").write_bytes(whole)
                publish(model, version=first + 3, input={"height": 32, "width": 32})
                wait_until(lambda: "takes faces of 32x32" in worker.log(), description="one that does not fit, too")
                assert swaps(worker, "refused") == 2
                seen = len(subscriber.events)
                wait_until(lambda: len(subscriber.events) > seen + 10, description="events flow on")
            wait_until(lambda: drained(broker), description="everything is worked off", timeout=30)
            assert_nothing_lost_nothing_twice(broker, feeder, subscriber)
        assert {event.model.version for event in subscriber.events} == {first, first + 1}
        assert worker.metric("moodline_model_info") == 1, "one model runs, not two"
    finally:
        worker.end()


def test_worker_model_may_be_changed_in_the_file_and_a_wrong_file_changes_nothing(tmp_path: Path) -> None:
    running, other = tmp_path / "running", tmp_path / "other"
    for folder in (running, other):
        shutil.copytree(find_model("vgg11-ferplus"), folder)
    version = json.loads((other / "manifest.json").read_text())["version"]
    publish(other, version=version + 1)
    file = tmp_path / "moodline.yaml"
    file.write_text(f"worker:\n  model: {running}\n  batch_size: 2\n")
    settings, taken = load_settings(file).worker, list[Classifier]()
    watch = ModelWatch(settings, load_classifier(settings), taken.append, Metrics(), file=ConfigFile(file))

    def look_twice() -> None:
        """A change counts when the file was the same twice."""
        watch.look()
        watch.look()

    file.write_text("worker:\n  model: [\n")
    look_twice()
    assert not taken
    file.write_text(f"worker:\n  model: {tmp_path}/nowhere\n")
    look_twice()
    assert not taken, "refused, and the one that runs goes on"
    file.write_text(f"worker:\n  model: {other}\n")
    look_twice()
    assert [classifier.manifest.version for classifier in taken] == [version + 1]


def test_a_change_without_a_new_version_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(find_model("vgg11-ferplus"), model)
    metrics, taken = Metrics(), list[Classifier]()
    manifest = null_manifest().model_copy(update={"name": "vgg11-ferplus", "version": 1, "sha256": "1" * 64})
    watch = ModelWatch(
        WorkerSettings(model=str(model)), replace(classifier(1), manifest=manifest), taken.append, metrics
    )
    watch.look()
    assert not taken
    assert metrics.registry.get_sample_value("moodline_model_swaps_total", {"result": "refused"}) == 1
    watch.look()
    assert metrics.registry.get_sample_value("moodline_model_swaps_total", {"result": "refused"}) == 1, "said once"


def judges(subscriber: Subscriber, version: int) -> bool:
    return bool(subscriber.events) and subscriber.events[-1].model.version == version


def swaps(worker: WorkerProcess, result: str) -> float | None:
    return worker.metric(rf'moodline_model_swaps_total(?={{result="{result}"}})')


def publish(model: Path, **changes: Any) -> None:
    """Replace a model's manifest, as somebody does who publishes the same network again."""
    manifest = json.loads((model / "manifest.json").read_text())
    fresh = model / "manifest.new"
    fresh.write_text(json.dumps(manifest | changes))
    fresh.replace(model / "manifest.json")
