"""Previews: made while somebody looks, faces blurred unless they are allowed, and gone after seconds."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ingest.analysis import Look
from ingest.detect.choose import make_detector
from ingest.preview import picture_of
from ingest.sources.base import Pixels
from ingest.sources.browser import decode
from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.previews import Preview, look, shown
from moodline.settings import StreamSettings
from tests.ingest.service import Ingest, wait_for_state
from tests.support.brokers import client_of
from tests.support.needs import shared
from tests.support.wait import wait_until


@pytest.fixture(scope="module")
def group() -> Pixels:
    """A picture of several people."""
    picture = cv2.imread(str(shared("data/media/stills/faceapi_bbt4.jpg")))
    assert picture is not None
    return picture.astype(np.uint8)


def faces_in(pixels: Pixels, model: Path) -> Any:
    stream = StreamSettings.model_validate({"id": "s", "url": "demo"})
    return make_detector(stream, model).detect(pixels)


def test_no_face_is_left_in_a_blurred_picture(group: Pixels, yunet_model: Path) -> None:
    found = faces_in(group, yunet_model)
    assert len(found) >= 3
    blurred = decode(picture_of(Look(1, group, found), blurred=True))
    clear = decode(picture_of(Look(1, group, found), blurred=False))

    assert blurred is not None
    assert clear is not None
    assert max(blurred.shape) <= 640
    assert len(faces_in(clear, yunet_model)) >= 3
    assert len(faces_in(blurred, yunet_model)) == 0


@pytest.mark.parametrize("mode", ["blurred", "off"])
def test_a_preview_is_made_while_somebody_looks_and_only_where_it_is_allowed(
    mode: str, broker: Broker, embedded_server: EmbeddedServer, tmp_path: Path, yunet_model: Path
) -> None:
    key = broker.settings.seal_key
    assert key is not None
    name = broker.keys_of("demo").of_stream("preview", "demo")
    demo = {"id": "demo", "url": "demo", "fps": 10, "detect_width": 320, "preview": mode}
    with Ingest(
        tmp_path,
        redis_url=embedded_server.url,
        streams=[demo],
        model=yunet_model,
        env={"MOODLINE_SEAL_KEY": key.get_secret_value()},
    ):
        found = wait_for_state(broker, "demo", "live")
        assert found.preview == mode
        assert client_of(broker).exists(name) == 0
        picture = wait_until(lambda: seen(broker) or (mode == "off" and ten_more(broker)), description="a picture")
        if mode == "off":
            assert client_of(broker).exists(name) == 0
            return
        assert isinstance(picture, Preview)
        assert 0 < client_of(broker).pttl(name) <= 3000
        assert picture.jpeg[:20] not in client_of(broker).get(name)
        pixels = decode(picture.jpeg)
        assert pixels is not None
        assert len(faces_in(pixels, yunet_model)) == 0
        client_of(broker).delete(broker.keys_of("demo").of_stream("look", "demo"))
        wait_until(lambda: not client_of(broker).exists(name), description="nobody looks, nothing is kept")


def seen(broker: Broker) -> Preview | None:
    look(broker, "demo")
    return shown(broker, broker.sealer(), "demo")


def ten_more(broker: Broker) -> bool:
    """Return whether time enough has passed to make a picture."""
    return wait_for_state(broker, "demo", "live").frames > 15
