"""What the tests of ingest share: YuNet's model and the clips."""

from pathlib import Path

import pytest

from tests.support.needs import shared


@pytest.fixture(scope="session")
def yunet_model() -> Path:
    return shared("models/face_detection_yunet_2023mar.onnx")


@pytest.fixture(scope="session")
def clip() -> Path:
    """275 frames of 640x360, one to six faces; hard cuts before the frames 20, 82 and 211."""
    return shared("data/media/short_hamilton_clip.mp4")
