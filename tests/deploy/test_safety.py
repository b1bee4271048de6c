"""Lines of the threat model that no other suite holds."""

import re
import secrets
from datetime import timedelta
from typing import Any, cast

import pytest
import redis
from pydantic import BaseModel

from moodline.broker import Broker
from moodline.crop import CROP_BYTES
from moodline.crop_queue import Reader
from moodline.event import latest_cursor
from moodline.settings import Settings
from tests.support.brokers import frame_of, live_stream
from tests.support.judging import commit_all, take_one, work_queue
from tests.support.repository import ROOT, own_files

SECRETS = re.compile(
    r"-----BEGIN (?:\w+ )*PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\bglpat-[\w-]{20}\b"
    r"|\bxox[abp]-[\w-]{20,}"
    r"|^(?:export )?(?:REDIS_PASSWORD|MOODLINE_SEAL_KEY|GRAFANA_PASSWORD)=['\"]?[A-Za-z0-9+/=]{8,}",
    re.MULTILINE,
)


def fill(broker: Broker, pixels: bytes) -> None:
    """Put one crop that became an event and one that waits."""
    reader = Reader.acquire(broker, live_stream(), owner="test", lease=timedelta(seconds=60), recorded=False)
    queue = work_queue(broker)
    reader.enqueue(frame_of(1, pixels=pixels), age_ms=0)
    taken = take_one(queue)
    assert taken is not None
    commit_all(broker, queue, taken)
    reader.enqueue(frame_of(2, pixels=pixels), age_ms=0)


def values(broker: Broker) -> bytes:
    """Return all that a server holds, as a snapshot would write it."""
    return b"".join(broker.client.dump(name) or b"" for name in broker.client.scan_iter("*"))


def test_redis_never_holds_a_face_that_can_be_read(any_broker: Broker) -> None:
    pixels = secrets.token_bytes(CROP_BYTES)
    fill(any_broker, pixels)
    held = values(any_broker)

    assert b"lobby" in held
    # Any eight neighbouring pixels would do to know the face again.
    assert not [start for start in range(0, CROP_BYTES - 8, 8) if pixels[start : start + 8] in held]


def test_redis_never_holds_the_key(any_broker: Broker) -> None:
    fill(any_broker, secrets.token_bytes(CROP_BYTES))
    key = any_broker.settings.seal_key
    assert key is not None

    assert key.get_secret_value().encode() not in values(any_broker)


def subscriber_rights() -> list[str]:
    """Return the rights that the page tells one to give."""
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^user subscriber on #HASH (.*)$", page, re.MULTILINE)
    return str(line).split()


def test_a_subscriber_with_an_acl_can_read_events_and_do_nothing_else(any_broker: Broker) -> None:
    fill(any_broker, secrets.token_bytes(CROP_BYTES))
    server = cast("Any", any_broker.client)
    server.execute_command("ACL", "SETUSER", "subscriber", "on", ">throwaway", *subscriber_rights())
    given = dict(any_broker.client.connection_pool.connection_kwargs)
    pool = redis.ConnectionPool(
        connection_class=any_broker.client.connection_pool.connection_class,
        **{**given, "username": "subscriber", "password": "throwaway"},
    )
    try:
        with redis.Redis(connection_pool=pool) as connection:
            client = cast("Any", connection)
            assert client.xread({"moodline:{p0}:feed": "0"})
            for command in (
                ("XRANGE", "moodline:{p0}:queue:lobby", "-", "+"),
                ("XADD", "moodline:{p0}:feed", "*", "event", "{}"),
                ("DEL", "moodline:{p0}:feed"),
                ("EVAL", "return 1", "0"),
                ("CONFIG", "GET", "*"),
                ("FLUSHALL",),
            ):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.execute_command(*command)
    finally:
        server.execute_command("ACL", "DELUSER", "subscriber")
    assert latest_cursor(any_broker)


def test_every_service_listens_on_this_machine_only_by_default() -> None:
    listening = {
        f"{section}.{name}": value
        for section, found in Settings()
        if isinstance(found, BaseModel)
        for name, value in found
        if name == "host" or name.endswith("_host")
    }
    del listening["ingest.host"]  # a host's own name

    assert {"api.host", "ingest.metrics_host", "worker.metrics_host", "jobs.metrics_host"} <= listening.keys()
    assert set(listening.values()) == {"127.0.0.1"}, listening


def test_no_file_holds_a_secret() -> None:
    found = []
    for path in own_files():
        if path.name == "test_safety.py" or path.stat().st_size > 1_000_000:
            continue
        match = SECRETS.search(path.read_text("utf-8", "replace"))
        found += [f"{path.relative_to(ROOT)}: {match[0][:20]}"] if match else []

    assert not found


def test_a_secret_would_be_found() -> None:
    assert SECRETS.search("-----BEGIN " + "RSA PRIVATE KEY-----")
    assert SECRETS.search("MOODLINE_SEAL_KEY=" + "c2VjcmV0c2VjcmV0")
