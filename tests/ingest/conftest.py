"""What the tests of ingest share: YuNet's model, a camera, and ingest itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.ingest.service import Ingest
from tests.support.needs import shared
from tests.support.rtsp_server import RtspServer


@pytest.fixture(scope="session")
def yunet_model() -> Path:
    return shared("models/face_detection_yunet_2023mar.onnx")


@pytest.fixture
def server(clip: Path) -> Iterator[RtspServer]:
    """A camera."""
    with RtspServer(clip) as server:
        yield server


@pytest.fixture
def run(broker: Broker, embedded_server: EmbeddedServer, tmp_path: Path, yunet_model: Path) -> Any:
    """Start ingest on cameras, by their names, on this test's Redis, which is empty."""
    del broker

    def start(
        streams: dict[str, str | dict[str, Any]], *, more: Any = None, env: dict[str, str] | None = None, **ingest: Any
    ) -> Ingest:
        listed = [
            {"id": name, "detect_width": 320, **(url if isinstance(url, dict) else {"url": url})}
            for name, url in streams.items()
        ]
        url = embedded_server.url
        return Ingest(tmp_path, redis_url=url, streams=listed, model=yunet_model, ingest=ingest, more=more, env=env)

    return start
