"""What a server may and may not be, and what it never gets to see."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from moodline.broker import Broker, connect
from moodline.crop import CROP_BYTES
from moodline.crop_queue import Reader
from moodline.embedded import EmbeddedServer
from moodline.errors import BrokerFullError, BrokerPolicyError, BrokerUnavailableError, ConfigError
from moodline.keys import KEY_KINDS
from moodline.settings import RedisSettings
from moodline.streams import StreamStatus, stream_view
from moodline.work_queue import Taken
from tests.support.brokers import SERVERS, broker_on, client_of, frame_of, live_stream, server_binary
from tests.support.judging import commit_all, drop_as, take_one, work_queue
from tests.support.wait import wait_until

PIXELS = (b"face of a person" * CROP_BYTES)[:CROP_BYTES]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server of the test's own, with an append-only file, whose settings the test may spoil."""
    with EmbeddedServer(binary=server_binary(request.param), directory=tmp_path, persist=True) as own:
        yield own


def reader_on(broker: Broker, **settings: Any) -> Reader:
    stream = live_stream(**settings)
    return Reader.acquire(broker, stream, owner="h", lease=timedelta(seconds=60), recorded=False)


def test_no_face_can_be_read_from_what_the_server_writes_to_disk(server: EmbeddedServer, tmp_path: Path) -> None:
    broker = broker_on(server)
    reader = reader_on(broker)
    for number in range(3):
        reader.enqueue(frame_of(number, pixels=PIXELS), age_ms=0)
    taken = take_one(work_queue(broker))
    assert taken is not None
    client_of(broker).bgrewriteaof()
    client_of(broker).bgsave()
    idle = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")

    def is_idle() -> bool:
        persistence = client_of(broker).info("persistence")
        return not any(persistence[name] for name in idle)

    wait_until(is_idle, description="the files are written")
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"lobby" in content for content in written), "the crops themselves are there"
    assert not any(PIXELS[:64] in content for content in written)


def test_a_server_at_its_memory_limit_refuses_crops_but_events_still_flow(server: EmbeddedServer) -> None:
    broker = broker_on(server)
    reader, queue = reader_on(broker, max_crops=10_000), work_queue(broker)
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    taken = take_one(queue)
    assert taken is not None
    client_of(broker).config_set("maxmemory", 1)
    with pytest.raises(BrokerFullError, match="memory limit"):
        reader.enqueue(frame_of(1), age_ms=0)
    assert drop_as(queue, taken.hand, taken.entries[1], "for the test") == 1
    client_of(broker).config_set("maxmemory", 0)
    reader.enqueue(frame_of(1), age_ms=0)
    again = take_one(queue)
    assert again is not None
    client_of(broker).config_set("maxmemory", 1)
    assert commit_all(broker, queue, again) == 2
    client_of(broker).config_set("maxmemory", 0)
    view = stream_view(broker, "lobby")
    assert view is not None
    assert view.ledger.balanced
    assert view.ledger.accepted == 3


def test_at_its_memory_limit_a_server_still_renews_leases(server: EmbeddedServer) -> None:
    broker = broker_on(server)
    reader = reader_on(broker)
    client_of(broker).config_set("maxmemory", 1)
    reader.renew()
    reader.release(StreamStatus("stopped", "Stopped.", "rtsp://camera.test", "live"))


def test_a_user_who_lacks_a_right_that_a_commit_needs_is_refused_before_the_first_crop(
    server: EmbeddedServer,
) -> None:
    root = broker_on(server)
    client_of(root).acl_setuser(
        "nearly", enabled=True, passwords=["+pw"], keys=["*"], channels=["*"], commands=["+@all", "-expire"]
    )
    url = server.url.replace("unix://", "unix://nearly:pw@")
    with pytest.raises(BrokerPolicyError, match="ACL"):
        connect(RedisSettings(url=SecretStr(url)))


def test_a_server_that_evicts_is_refused(server: EmbeddedServer) -> None:
    client_of(broker_on(server)).config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(BrokerPolicyError, match="noeviction"):
        broker_on(server)


def test_a_user_without_the_rights_is_refused_with_a_sentence(server: EmbeddedServer) -> None:
    client_of(broker_on(server)).acl_setuser("guest", enabled=True, passwords=["+pw"], keys=["*"], commands=["+ping"])
    url = server.url.replace("unix://", "unix://guest:pw@")
    with pytest.raises(BrokerPolicyError, match="ACL"):
        connect(RedisSettings(url=SecretStr(url)))


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    settings = RedisSettings(url=SecretStr("redis://:secret@127.0.0.1:1/0"))
    with pytest.raises(BrokerUnavailableError) as raised:
        connect(settings)
    assert "127.0.0.1:1" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_the_number_of_partitions_is_fixed(server: EmbeddedServer) -> None:
    broker_on(server, partitions=4)
    with pytest.raises(ConfigError, match=r"set redis\.partitions to 4"):
        broker_on(server, partitions=2)


def test_partitions_share_no_key(server: EmbeddedServer) -> None:
    broker = broker_on(server, partitions=4)
    for number in range(8):
        stream = f"stream-{number}"
        reader = Reader.acquire(broker, live_stream(stream), owner="h", lease=timedelta(seconds=9), recorded=False)
        reader.enqueue(frame_of(0), age_ms=0)
    used = {key.split(b":")[1] for key in client_of(broker).keys("moodline:{*")}
    assert len(used) > 1
    for key in client_of(broker).keys("*stream-*"):
        kind, stream = key.decode().split(":")[2:4]
        assert key.decode() == broker.keys_of(stream).of_stream(kind, stream)


def test_every_key_that_the_system_makes_is_declared(server: EmbeddedServer) -> None:
    broker = broker_on(server)
    reader, queue = reader_on(broker), work_queue(broker)
    reader.enqueue(frame_of(0, faces=3), age_ms=0)
    taken = take_one(queue)
    assert taken is not None
    queue.drop(taken.hand, [(taken.entries[0], "poison", "for the test")], release=False)
    commit_all(broker, queue, Taken(taken.hand, taken.entries[1:], alone=False, attempts=0, max_age_ms=None))
    queue.sweep()
    for key in client_of(broker).keys("*"):
        parts = key.decode().split(":")
        assert parts[0] == "moodline"
        assert parts[1] == "partitions" or parts[2] in KEY_KINDS, key
        if parts[1] != "partitions":
            assert client_of(broker).type(key).decode() == KEY_KINDS[parts[2]].type


def test_a_trial_of_the_scripts_leaves_nothing_behind(server: EmbeddedServer) -> None:
    assert client_of(broker_on(server)).keys("*") == [b"moodline:partitions"]
