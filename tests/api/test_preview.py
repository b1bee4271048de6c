"""/v1/streams/{id}/preview: the newest picture, where the stream allows it, and nothing where it does not."""

import json
from dataclasses import replace
from typing import Literal

import httpx

from moodline.broker import Broker
from moodline.previews import Preview, is_looked_at, show
from moodline.sealing import Sealer, new_key
from tests.api.stage import Scene, serving, status_of
from tests.api.webcam_client import jpeg_of

JPEG = jpeg_of()


def allow(scene: Scene, mode: Literal["off", "blurred", "clear"]) -> None:
    scene._reader("door").report(replace(status_of(), preview=mode))


def test_the_newest_picture_is_shown_and_ingest_is_told_that_somebody_looks(broker: Broker, scene: Scene) -> None:
    allow(scene, "blurred")
    with serving(broker) as client:
        assert not is_looked_at(broker, "door")
        assert client.get("/v1/streams/door/preview").status_code == 204
        assert is_looked_at(broker, "door")
        show(broker, broker.sealer(), "door", Preview(17, JPEG))

        answer = client.get("/v1/streams/door/preview")

        assert (answer.status_code, answer.headers["content-type"], answer.headers["x-frame"]) == (
            200,
            "image/jpeg",
            "17",
        )
        assert answer.content == JPEG
        assert answer.headers["cache-control"] == "no-store"
        show(broker, Sealer(new_key()), "door", Preview(18, JPEG))
        assert client.get("/v1/streams/door/preview").status_code == 204


def test_a_stream_that_does_not_allow_it_is_not_looked_at(client: httpx.Client, scene: Scene, broker: Broker) -> None:
    allow(scene, "off")
    answer = client.get("/v1/streams/door/preview")

    assert answer.status_code == 409
    assert "may be blurred or clear" in json.loads(answer.text)["detail"]
    assert not is_looked_at(broker, "door")
    assert client.get("/v1/streams/attic/preview").status_code == 404
