"""What the tests of recordings share: where moodline runs, and what an analysis left."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.sealing import new_key
from tests.support.needs import shared
from tests.support.workers import start_worker

YUNET = "models/face_detection_yunet_2023mar.onnx"


@dataclass(frozen=True)
class Running:
    """A server with a worker, and the key that both sides share."""

    server: EmbeddedServer
    seal_key: str

    @property
    def env(self) -> dict[str, str]:
        """What points a process at it."""
        return {"REDIS_URL": self.server.url, "MOODLINE_SEAL_KEY": self.seal_key, **detector()}


@contextmanager
def server_and_worker() -> Iterator[Running]:
    """A server, and a worker whose model costs nothing, as where moodline runs already."""
    key = new_key()
    with EmbeddedServer() as server:
        worker = start_worker(server, key, module="tests.support.null_worker")
        try:
            worker.wait_ready()
            yield Running(server, key)
        finally:
            worker.end()


def detector() -> dict[str, str]:
    """YuNet from the shared models, so that nothing is downloaded."""
    return {"MOODLINE_INGEST__DETECTOR_MODEL": str(shared(YUNET))}


def summary(folder: Path) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def faces(folder: Path) -> list[tuple[int, str]]:
    """Frame and face of each emotion event, by its id."""
    ids = [event["id"] for event in events(folder) if event["kind"] == "emotion"]
    assert len(set(ids)) == len(ids), "no event twice"
    return [(int(name.split("-")[0]), name) for name in (one.rsplit("/", 1)[1] for one in ids)]


def in_the_feed(broker: Broker) -> int:
    """Return how many events were ever written."""
    with broker.errors():
        feeds: list[Any] = [broker.client.xinfo_stream(keys.of_partition("feed")) for keys in broker.all_keys()]
    return sum(int(feed["entries-added"]) for feed in feeds)
