"""Redis: version, policy, memory, durability, rights, key, and its clock beside this machine's."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from moodline.broker import Broker, connect
from moodline.doctor.finding import Finding
from moodline.errors import BrokerUnavailableError, MoodlineError
from moodline.settings import RedisSettings

_MIB: Final = 1024 * 1024
_FULL: Final = 0.8
_MOST_SKEW_S: Final = 1.0


def look_at_redis(settings: RedisSettings, clock: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Yield what is to be said of the server that is configured; ``clock``: this machine's, in seconds since 1970."""
    if settings.url is None:
        yield _embedded()
        return
    yield _seal_key(settings)
    try:
        broker = connect(settings)
    except MoodlineError as error:
        yield Finding("redis", "fail", str(error), "See the sentence; no service starts before this is mended.")
        return
    try:
        with broker.errors():
            info: dict[str, Any] = broker.client.info("everything")
            yield _server(broker, info)
            yield _memory(info)
            yield _durability(info)
            yield _clock(broker, clock)
    except MoodlineError as error:
        yield Finding("redis", "fail", str(error), "Look at the server's log.")
    finally:
        broker.close()


def _embedded() -> Finding:
    from moodline.embedded import find_server

    try:
        server = find_server()
    except BrokerUnavailableError as error:
        return Finding("redis", "fail", str(error), "Install one, or set REDIS_URL.")
    return Finding("redis", "ok", f"REDIS_URL is not set: `moodline up` starts {server.name} of its own.")


def _seal_key(settings: RedisSettings) -> Finding:
    if settings.seal_key is None:
        return Finding(
            "seal key",
            "fail",
            "MOODLINE_SEAL_KEY is not set, so ingest and worker on this Redis cannot exchange faces.",
            "Make one with `head -c 32 /dev/urandom | base64`, and give the same to both.",
        )
    return Finding("seal key", "ok", "MOODLINE_SEAL_KEY is set.")


def _server(broker: Broker, info: dict[str, Any]) -> Finding:
    product = "Valkey" if "valkey_version" in info else "Redis"
    version = info.get("valkey_version") or info["redis_version"]
    return Finding(
        "redis",
        "ok",
        f"{product} {version} at {broker.shown_url}: noeviction, every script may run, "
        f"{broker.partitions} partition{'s' if broker.partitions > 1 else ''}.",
    )


def _memory(info: dict[str, Any]) -> Finding:
    used, limit = int(info["used_memory"]), int(info["maxmemory"])
    if not limit:
        return Finding(
            "redis memory",
            "warn",
            f"Redis has no memory limit and uses {used // _MIB} MiB.",
            "Set maxmemory, so that a full server refuses faces instead of being killed with all its data.",
        )
    sentence = f"{used // _MIB} of {limit // _MIB} MiB are in use ({used / limit:.0%})."
    if used / limit > _FULL:
        return Finding("redis memory", "warn", sentence, "Raise maxmemory or add workers: docs/runbook.md.")
    return Finding("redis memory", "ok", sentence)


def _durability(info: dict[str, Any]) -> Finding:
    if info.get("aof_enabled"):
        return Finding("redis file", "ok", "The append-only file is on: at most the last second can be lost.")
    return Finding(
        "redis file",
        "warn",
        "The append-only file is off: events and summaries are gone when the server ends.",
        "Set `appendonly yes`, unless that is what you want.",
    )


def _clock(broker: Broker, clock: Callable[[], float]) -> Finding:
    before = clock()
    seconds, microseconds = broker.client.time()
    here = (before + clock()) / 2
    skew_s = here - (seconds + microseconds / 1e6)
    sentence = f"This machine's clock is {abs(skew_s):.2f} s {'before' if skew_s > 0 else 'behind'} that of Redis."
    if abs(skew_s) > _MOST_SKEW_S:
        return Finding(
            "clock", "warn", sentence, "Start NTP (timedatectl set-ntp true): events carry this clock's time."
        )
    return Finding("clock", "ok", sentence)
