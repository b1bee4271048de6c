"""Tries the scripts once before the first crop, so that wrong rights show now and not at 3 a.m."""

import uuid
from typing import TYPE_CHECKING, Any, Final

from moodline.keys import KEY_KINDS, PartitionKeys

if TYPE_CHECKING:
    from moodline.broker import Broker

_STREAM: Final = "trial"
_STEP_S: Final = 86_400
_AT_MS: Final = 0


def try_scripts(broker: "Broker") -> None:
    """Take two crops the whole way, in a partition of their own that is deleted afterwards. Raises BrokerError.

    Lua does not roll back: a right that is missing in the middle of a commit would cost crops, so it must show here.
    """
    keys = PartitionKeys(f"trial-{uuid.uuid4().hex[:8]}")
    try:
        _whole_way(broker, keys)
    finally:
        bucket = f"{keys.of_stream('sum', _STREAM)}:{_STEP_S}:{_AT_MS}"
        with broker.errors():
            broker.client.delete(bucket, *_all_keys(keys))


def _all_keys(keys: PartitionKeys) -> list[str]:
    """Where it stopped half-way, a full server for instance, the stream's own keys are there, too."""
    return [
        keys.of_partition(name) if kind.scope == "partition" else keys.of_stream(name, _STREAM)
        for name, kind in KEY_KINDS.items()
    ]


def _whole_way(broker: "Broker", keys: PartitionKeys) -> None:
    lease: dict[str, Any] = {"stream": _STREAM, "owner": "trial", "nonce": "trial", "lease_ms": 10_000}
    token = broker.run("lease", keys, op="acquire", **lease)[1]
    broker.run("enqueue", keys, **_frame(token))
    reply = broker.run(
        "take",
        keys,
        worker="trial",
        nonce="trial",
        room=2,
        per_stream=2,
        lease_ms=10_000,
        ahead_ms=0,
        alone_ok=True,
        held={},
    )
    _, hand, _, _, entries, _ = reply[2][0]
    common = {"stream": _STREAM, "hand": hand, "quiet": True}
    broker.run("commit", keys, **common, **_commit(entries[0]))
    broker.run("drop", keys, **common, crops=[[entries[1][0], "poison", "a trial"]], dead_max=1, release=True)
    broker.run("lease", keys, op="renew", token=token, **lease)
    broker.run("lease", keys, op="release", token=token, **lease)
    broker.run("sweep", keys, feed_max=1, streams=1, tracks=1, quiet=True)
    broker.run("read", keys, stream=_STREAM)
    broker.run("declare", keys, stream=_STREAM, text="trial")
    broker.run("remove", keys, stream=_STREAM, limit=2, feed_max=1, undeclare=True, quiet=True)


def _frame(token: bytes) -> dict[str, Any]:
    crops = [{"id": f"trial/{face}", "track": "t", "meta": "m", "image": "i"} for face in range(2)]
    bounds = {"max_crops": 2, "max_bytes": 1024, "max_age_ms": 60_000, "partition_max_bytes": 1024}
    return {
        "stream": _STREAM,
        "token": token,
        "nonce": "trial",
        "recorded": False,
        "frame": 1,
        "age_ms": 0,
        "crops": crops,
        "ended": ["t"],
        "track_timeout_ms": 0,
        **bounds,
    }


def _commit(entry: Any) -> dict[str, Any]:
    crop = [entry[0], "t", _AT_MS, 2, '{"stream":"trial","emotion":"happy"', 2, 17, [0.5, 0.5], 1]
    return {
        "crops": [crop],
        "release": False,
        "feed_max": 1,
        "labels": ["happy", "sad"],
        "model": "trial",
        "tau_ms": 1,
        "hysteresis": 0,
        "resolutions": [[_STEP_S, 60]],
    }
