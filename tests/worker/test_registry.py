"""``moodline models use`` and a worker that runs: it changes to the version, and back, and no crop is lost."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.manifest import MANIFEST_NAME
from moodline.registry import Registry
from moodline.sealing import new_key
from tests.support.brokers import emptied
from tests.support.chaos import Feeder, Subscriber, assert_nothing_lost_nothing_twice, drained
from tests.support.wait import wait_until
from tests.support.workers import start_worker

KEY = new_key()


@pytest.fixture
def broker(embedded_server: EmbeddedServer) -> Iterator[Broker]:
    with emptied(embedded_server, seal_key=KEY) as fresh:
        yield fresh


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    for version in (1, 2):
        folder = tmp_path / "moods" / str(version)
        shutil.copytree(Registry().find("vgg11-ferplus"), folder)
        manifest = json.loads((folder / MANIFEST_NAME).read_text()) | {"name": "moods", "version": version}
        (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
    return Registry(tmp_path)


def test_a_running_worker_changes_to_the_chosen_version_and_back(
    broker: Broker, embedded_server: EmbeddedServer, registry: Registry
) -> None:
    registry.use("moods@1")
    worker = start_worker(embedded_server, KEY, registry=str(registry.folder), batch_size="8")
    feeder = Feeder(broker, 1, streams=("rec-0", "rec-1"))
    try:
        worker.wait_ready()
        with Subscriber(broker) as subscriber:
            with feeder.feeding(pause_s=0.02):
                for chosen in ("moods@1", "moods@2", "vgg11-ferplus", "moods@1"):
                    tag = registry.use(chosen)
                    wait_until(partial(judges, subscriber, tag), description=f"{tag} judges", timeout=60)
            wait_until(lambda: drained(broker), description="everything is worked off", timeout=30)
            assert_nothing_lost_nothing_twice(broker, feeder, subscriber)
    finally:
        worker.end()


def judges(subscriber: Subscriber, tag: str) -> bool:
    if not subscriber.events:
        return False
    model = subscriber.events[-1].model
    return f"{model.name}@{model.version}" == tag
