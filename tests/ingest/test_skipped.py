"""What ingest leaves out is counted by its reason, where people look: in the metrics and in the stream's status."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.ingest.films import portrait
from tests.ingest.service import Ingest, accepted, status, view, wait_for_state
from tests.support.brokers import client_of
from tests.support.wait import wait_until

FRAMES = 50


@pytest.fixture
def still_film(tmp_path: Path) -> Path:
    """A film of two seconds in which nothing moves."""
    path = tmp_path / "still.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (640, 360))
    for _ in range(FRAMES):
        writer.write(portrait())
    writer.release()
    return path


def counted(ingest: Ingest, stream: str) -> dict[str, int]:
    """Return what Prometheus reads, by reason."""
    metrics, name = ingest.metrics(), 'moodline_skipped_total{{reason="{}",stream="{}"}}'
    return {reason: int(metrics[name.format(reason, stream)]) for reason in ("rate", "budget", "motion", "admission")}


@pytest.mark.parametrize(
    ("reason", "settings", "most"),
    [("rate", {"fps": 5}, 41), ("budget", {"crops_per_second": 1}, 49), ("motion", {"motion_gate": 0.01}, 49)],
)
def test_what_is_spared_is_counted(
    run: Any, broker: Broker, still_film: Path, reason: str, settings: dict[str, float], most: int
) -> None:
    with run({"film": {"url": str(still_film), **settings}}) as ingest:
        wait_for_state(broker, "film", "ended", timeout=30)
        told = view(broker, "film")
        assert told is not None
        assert told.status is not None
        assert told.status.frames == FRAMES
        skipped = {name: count for name, count in told.status.skipped.items() if count}
        assert skipped.keys() == {reason}
        assert 0 < skipped[reason] <= most
        expected = dict.fromkeys(counted(ingest, "film"), 0) | skipped
        wait_until(lambda: counted(ingest, "film") == expected, description="Prometheus sees the same")
        if reason == "budget":
            assert told.ledger.accepted + told.status.skipped["budget"] == FRAMES


@pytest.fixture
def full(broker: Broker, embedded_server: EmbeddedServer) -> Iterator[Any]:
    """Let the server be at its memory limit, or no longer."""
    del embedded_server
    client = client_of(broker)
    yield lambda is_full: client.config_set("maxmemory", 1 if is_full else 0)
    client.config_set("maxmemory", 0)


def test_faces_that_a_full_server_never_took_are_counted(run: Any, broker: Broker, full: Any) -> None:
    with run({"cam": {"url": "demo", "fps": 5, "max_age": "200ms"}}) as ingest:
        wait_until(lambda: accepted(broker, "cam") > 0, description="a face", timeout=30)
        assert counted(ingest, "cam")["admission"] == 0
        full(True)
        wait_until(lambda: counted(ingest, "cam")["admission"] > 2, description="faces are given up", timeout=30)
        full(False)
        seen = accepted(broker, "cam")
        wait_until(lambda: accepted(broker, "cam") > seen, description="faces are taken again", timeout=30)
        wait_until(lambda: skipped(broker) > 2, description="its status tells of it")


def skipped(broker: Broker) -> int:
    found = status(broker, "cam")
    return found.skipped.get("admission", 0) if found else 0
