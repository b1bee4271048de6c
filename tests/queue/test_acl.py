"""deploy/redis/users.acl on a real server: each service can do its work and nothing else."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from api.scrape_redis import measure_redis
from moodline.access import new_key as new_api_key
from moodline.access import save_key, saved_keys
from moodline.broker import Broker, connect
from moodline.crop_queue import Reader
from moodline.declared import add_stream, change_stream, declared_streams
from moodline.errors import BrokerPolicyError, StreamChangedError
from moodline.event import latest_cursor, read_events
from moodline.hosts import IngestHost, announce, forget_dead, readers, withdraw
from moodline.known import known_streams
from moodline.metrics import Metrics
from moodline.previews import Preview, is_looked_at, look, show, shown
from moodline.purge import purge, remove_stream
from moodline.sealing import new_key
from moodline.settings import ApiSettings, RedisSettings, SummarySettings
from moodline.streams import StreamStatus, list_streams, stream_view
from moodline.summaries import summary
from moodline.webcams import (
    claim_webcam,
    end_webcam,
    next_picture,
    open_webcams,
    remove_orphans,
    send_picture,
)
from tests.support.brokers import SERVERS, frame_of, live_stream, server_binary
from tests.support.cluster import Cluster
from tests.support.judging import commit_all, drop_as, take_one, work_queue
from tests.support.redis_server import RedisServer
from tests.support.repository import ROOT
from tests.support.wait import wait_until

USERS = ROOT / "deploy/redis/users.acl"
SERVICES = ("ingest", "worker", "api", "jobs")
OPERATOR = "operator"
KEY = new_key()

As = Callable[[str], Broker]


def acl_with_passwords(folder: Path) -> Path:
    """Fill in the hash of each service's password, which is here its name and 'pw'."""
    text = USERS.read_text()
    for service in (*SERVICES, OPERATOR):
        digest = hashlib.sha256(f"{service}-pw".encode()).hexdigest()
        text = text.replace(f"SHA256_OF_{service.upper()}_PASSWORD", digest)
    admin = "user admin on >admin-pw ~* &* +@all"
    file = folder / "users.acl"
    file.write_text(f"{text}{admin}\n")
    return file


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    binary = server_binary(request.param)
    with RedisServer(tmp_path, f"aclfile {acl_with_passwords(tmp_path)}", binary=binary) as own:
        yield own


@pytest.fixture
def as_user(server: RedisServer) -> Iterator[As]:
    brokers: dict[str, Broker] = {}

    def broker_as(user: str) -> Broker:
        if user not in brokers:
            url, password = SecretStr(f"redis://{user}@127.0.0.1:{server.port}/0"), SecretStr(f"{user}-pw")
            settings = RedisSettings(url=url, password=password, seal_key=SecretStr(KEY), partitions=2)
            brokers[user] = connect(settings)
        return brokers[user]

    yield broker_as
    for broker in brokers.values():
        broker.close()


def reader_as(as_user: As, **settings: Any) -> Reader:
    lease = timedelta(seconds=60)
    return Reader.acquire(as_user("ingest"), live_stream(**settings), owner="h", lease=lease, recorded=False)


@pytest.mark.parametrize("first", SERVICES)
def test_whoever_comes_first_sets_the_number_of_partitions(as_user: As, first: str) -> None:
    assert as_user(first).partitions == 2
    for other in SERVICES:
        assert as_user(other).partitions == 2


def test_each_service_can_do_all_of_its_work(as_user: As) -> None:
    reader, queue, api = reader_as(as_user, max_crops=4), work_queue(as_user("worker")), as_user("api")
    start = latest_cursor(api)
    for number in range(3):
        reader.enqueue(frame_of(number, faces=2), age_ms=0)  # the last one drops the oldest two
    assert queue.wait(timedelta(seconds=1)), "the bell rings"
    listener = api.client.pubsub()  # type: ignore[no-untyped-call]
    listener.subscribe("moodline:events:lobby")
    taken = take_one(queue)
    assert taken is not None
    drop_as(queue, taken.hand, taken.entries[0], "for the test")
    again = take_one(queue)
    assert again is not None
    assert commit_all(as_user("worker"), queue, again) == 3
    reader.report(StreamStatus("live", "Live.", "rtsp://camera.test", "live"))
    reader.renew()
    reader.release(StreamStatus("stopped", "Stopped.", "rtsp://camera.test", "live"))
    queue.sweep()
    kinds = [event.kind for _, event in read_events(api, after=start, block_ms=100)[0]]
    assert sorted(set(kinds)) == ["emotion", "face_entered", "face_left"]
    assert [view.id for view in list_streams(api)] == ["lobby"]
    view = stream_view(api, "lobby")
    assert view is not None
    assert view.ledger.balanced
    assert (view.ledger.events, view.ledger.dropped["overflow"], view.ledger.dropped["poison"]) == (3, 2, 1)
    assert summary(api, ["lobby"], SummarySettings(), window=timedelta(days=730)).faces >= 0
    api.client.ping()
    save_key(as_user(OPERATOR), new_api_key("read")[1])
    assert len(saved_keys(api)) == 1
    assert purge(as_user(OPERATOR), "nobody", before=None, dry_run=False).crops == 0
    measure_redis(Metrics(), api)
    wait_until(lambda: (listener.get_message() or {}).get("type") == "message", description="events are published")


def test_a_browsers_webcam_goes_its_way_from_api_to_ingest_and_is_removed(as_user: As) -> None:
    api, ingest = as_user("api"), as_user("ingest")
    stream = claim_webcam(api, "browser")
    send_picture(api, api.sealer(), stream, 1, b"jpeg")
    assert open_webcams(api) == open_webcams(ingest, tidy=True) == {stream}
    picture = next_picture(ingest, ingest.sealer(), stream, block_ms=100)
    assert picture is not None
    assert picture.jpeg == b"jpeg"
    reader = reader_as(as_user, stream=stream)
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    queue = work_queue(as_user("worker"), stream=stream)
    taken = take_one(queue)
    assert taken is not None
    commit_all(as_user("worker"), queue, taken)
    look(api, stream)
    assert is_looked_at(ingest, stream)
    show(ingest, ingest.sealer(), stream, Preview(1, b"jpeg"))
    assert shown(api, api.sealer(), stream) == Preview(1, b"jpeg")
    end_webcam(api, stream)
    reader.release(StreamStatus("stopped", "Stopped.", "browser:", "live"))
    assert remove_orphans(ingest, "browser", besides=set()) == []  # its faces have not left
    queue.sweep()
    assert remove_orphans(ingest, "browser", besides=set()) == [stream]
    assert open_webcams(ingest, tidy=True) == set()
    assert list_streams(api) == []


def test_a_stream_is_added_found_and_removed(as_user: As) -> None:
    api, ingest, rules = as_user("api"), as_user("ingest"), ApiSettings(stream_sources=("rtsp://camera.test",))
    assert saved_keys(api) == {}
    add_stream(api, rules, {"id": "lobby", "url": "rtsp://camera.test/1"})
    assert change_stream(api, rules, "lobby", {"fps": 2})
    declared = declared_streams(ingest)["lobby"]
    announce(ingest, IngestHost("h", wants=frozenset({"lobby"})), timedelta(minutes=1))
    lease = timedelta(seconds=60)
    stream = declared.settings(rules.stream_sources)
    reader = Reader.acquire(ingest, stream, owner="h", lease=lease, recorded=False, declared=declared.text)
    queue = work_queue(as_user("worker"))
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    taken = take_one(queue, room=1)
    assert taken is not None
    assert commit_all(as_user("worker"), queue, taken) == 1
    assert [(view.id, view.declared, view.reader) for view in known_streams(api)] == [("lobby", "api", "h")]
    assert readers(ingest, ["lobby", "other"]) == {"lobby": "h"}
    start = latest_cursor(api)
    remove_stream(api, "lobby", undeclare=True)
    assert [event.kind for _, event in read_events(api, after=start, block_ms=100)[0]] == ["face_left"]
    assert known_streams(api) == []
    with pytest.raises(StreamChangedError):
        Reader.acquire(ingest, stream, owner="h", lease=lease, recorded=False, declared=declared.text)
    withdraw(ingest, "h")
    forget_dead(ingest, ())


def test_a_worker_takes_over_from_a_dead_one(as_user: As) -> None:
    reader_as(as_user).enqueue(frame_of(0), age_ms=0)
    assert take_one(work_queue(as_user("worker"), "dead", lease_s=0.05)) is not None
    heir = work_queue(as_user("worker"), "heir")

    def taken_over() -> bool:
        heir.sweep()
        return take_one(heir) is not None

    wait_until(taken_over, description="the crop is taken over")


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("ingest", ("XREAD", "STREAMS", "moodline:{p0}:feed", "0")),
        ("ingest", ("XADD", "moodline:{p0}:feed", "*", "event", "{}")),
        ("ingest", ("HSET", "moodline:{p0}:hand:lobby", "holder", "me")),
        ("ingest", ("PUBLISH", "moodline:events:lobby", "{}")),
        ("ingest", ("XADD", "moodline:{p0}:webcam:browser-1", "*", "number", "1")),
        ("worker", ("XREAD", "STREAMS", "moodline:{p0}:webcam:browser-1", "0")),
        ("worker", ("GET", "moodline:{p0}:preview:lobby")),
        ("api", ("XREAD", "STREAMS", "moodline:{p0}:webcam:browser-1", "0")),
        ("worker", ("XADD", "moodline:{p0}:queue:lobby", "*", "id", "forged")),
        ("worker", ("HGETALL", "moodline:{p0}:reader:lobby")),
        ("worker", ("DEL", "moodline:{p0}:feed")),
        ("worker", ("PUBLISH", "other", "{}")),
        ("api", ("XADD", "moodline:{p0}:queue:lobby", "*", "id", "forged")),
        ("api", ("HSET", "moodline:api-keys", "0badc0de", "{}")),
        ("api", ("DEL", "moodline:{p0}:feed")),
        ("api", ("HSET", "moodline:{p0}:reader:lobby", "token", "1")),
        ("api", ("HSET", "moodline:{p0}:info:lobby", "state", "live")),
        ("api", ("HSET", "moodline:{p0}:ledger:lobby", "events", "7")),
        ("api", ("HDEL", "moodline:{p0}:ledger:lobby", "events")),
        ("api", ("ZADD", "moodline:{p0}:ready", "1", "lobby")),
        ("api", ("DEL", "moodline:{p0}:state")),
        ("api", ("DEL", "moodline:{p0}:declared")),
        ("api", ("DEL", "moodline:{p0}:sum:lobby:10:1")),
        ("api", ("SET", "moodline:ingest:forged", "{}")),
        ("ingest", ("HSET", "moodline:{p0}:declared", "lobby", "{}")),
        ("ingest", ("HGETALL", "moodline:api-keys")),
        *((user, words) for user in SERVICES for words in (("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*"))),
        *((user, ("GET", "somebody-elses")) for user in SERVICES),
        *((user, ("ACL", "LIST")) for user in SERVICES),
    ],
)
def test_nobody_can_do_more(as_user: As, user: str, words: tuple[str, ...]) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        as_user(user).client.execute_command(*words)  # type: ignore[no-untyped-call]


def test_the_same_users_do_on_a_cluster(tmp_path: Path) -> None:
    file = acl_with_passwords(tmp_path)
    # The test itself has to build the cluster.
    file.write_text(file.read_text().replace("user default off", "user default on nopass ~* &* +@all"))
    with Cluster(tmp_path, f"aclfile {file}") as cluster:
        url = f"redis://{{0}}:{{0}}-pw@127.0.0.1:{cluster.nodes[0].port}"
        settings = RedisSettings(seal_key=SecretStr(KEY), partitions=6)
        ingest, worker, api, _ = (
            connect(settings.model_copy(update={"url": SecretStr(url.format(user))})) for user in SERVICES
        )
        reader_as(lambda _: ingest).enqueue(frame_of(0), age_ms=0)
        queue = work_queue(worker)
        taken = take_one(queue)
        assert taken is not None
        assert commit_all(worker, queue, taken) == 1
        assert [event.kind for _, event in read_events(api)[0]] == ["face_entered", "emotion"]


def test_nobody_gets_in_without_a_user(server: RedisServer) -> None:
    with pytest.raises(BrokerPolicyError, match="check user and password"):
        connect(RedisSettings(url=SecretStr(f"redis://127.0.0.1:{server.port}/0")))


def test_a_server_does_not_start_before_the_passwords_are_filled_in(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ACL"), RedisServer(tmp_path, f"aclfile {USERS}"):
        pass
