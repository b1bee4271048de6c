"""The connection to Redis: partitions, scripts, and errors that a person understands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import msgpack
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from moodline.errors import (
    BrokerError,
    BrokerFullError,
    BrokerPolicyError,
    BrokerUnavailableError,
    ConfigError,
)
from moodline.keys import PARTITIONS_KEY, PartitionKeys, partition_of
from moodline.redact import redact_text, redact_url
from moodline.scripts import ScriptName, script
from moodline.sealing import Sealer
from moodline.settings import RedisSettings
from moodline.trial import try_scripts

OLDEST_REDIS: Final = (7, 0)
OLDEST_VALKEY: Final = (7, 2)
# What Valkey and Redis 7.0 say when the user of a script lacks a right; it comes as a plain error.
_NO_RIGHT_IN_SCRIPT: Final = ("ACL failure in script", "user executing the script can't")


class Broker:
    """One service's way to Redis. Safe to share between threads."""

    def __init__(self, client: "redis.Redis", settings: RedisSettings, *, shown_url: str) -> None:
        self.client = client
        self.settings = settings
        self.shown_url = shown_url
        self.partitions = 1

    def keys_of(self, stream: str) -> PartitionKeys:
        """Return the keys of the partition in which a stream lives."""
        return PartitionKeys(partition_of(stream, self.partitions))

    def all_keys(self) -> list[PartitionKeys]:
        """Return the keys of every partition."""
        return [PartitionKeys(number) for number in range(self.partitions)]

    def sealer(self) -> Sealer:
        """Return the sealer of this process's key. Raises ConfigError where there is no key."""
        key = self.settings.seal_key
        if key is None:
            raise ConfigError(
                "MOODLINE_SEAL_KEY is not set, and without it no crop can be sealed or opened: make one with "
                "`head -c 32 /dev/urandom | base64` and give the same to ingest and worker."
            )
        return Sealer(key.get_secret_value())

    def run(self, name: ScriptName, keys: PartitionKeys, /, **args: Any) -> Any:
        """Run a script in a partition. Raises BrokerError or one of its kinds."""
        found = script(name)
        # The servers' Lua knows MessagePack's old strings only, not its binary type.
        first_key, packed = keys.of_partition("ready"), msgpack.packb(args, use_bin_type=False)
        with self.errors():
            try:
                return self.client.evalsha(found.sha, 1, first_key, packed)
            except redis.exceptions.NoScriptError:
                return self.client.eval(found.text, 1, first_key, packed)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn redis-py's errors into moodline's."""
        try:
            yield
        except redis.exceptions.RedisError as error:
            raise self._explained(error) from error

    def _explained(self, error: redis.exceptions.RedisError) -> BrokerError:
        said = redact_text(str(error)).rstrip(".")
        where = f"Redis at {self.shown_url}"
        if isinstance(error, redis.exceptions.AuthenticationError | redis.exceptions.NoPermissionError) or any(
            sign in said for sign in _NO_RIGHT_IN_SCRIPT
        ):
            return BrokerPolicyError(
                f"{where} refuses this service ({said}); check user and password in REDIS_URL and the server's ACL."
            )
        if isinstance(error, redis.exceptions.ConnectionError | redis.exceptions.TimeoutError):
            return BrokerUnavailableError(
                f"{where} cannot be reached ({said}); start it or correct REDIS_URL (redis.url in the configuration)."
            )
        if isinstance(error, redis.exceptions.OutOfMemoryError) or "OOM" in said:
            return BrokerFullError(f"{where} is at its memory limit ({said}); raise maxmemory or add workers.")
        return BrokerError(f"{where} answered with an error ({said}).")

    def close(self) -> None:
        """Close all connections."""
        self.client.close()


def connect(settings: RedisSettings) -> Broker:
    """Connect, check the server and its policy, and agree on the number of partitions.

    Raises ConfigError (no or malformed URL), BrokerUnavailableError, BrokerPolicyError.
    """
    if settings.url is None:
        raise ConfigError(
            "REDIS_URL is not set: give the address of a Redis 7.0+ or Valkey 7.2+ server "
            "(redis://localhost:6379), or start everything with `moodline up`, which brings its own."
        )
    url = settings.url.get_secret_value()
    timeout = settings.socket_timeout.total_seconds()
    try:
        # Only the caller knows which of its commands may run twice, so the client itself never retries.
        client = redis.Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
        )
    except ValueError as error:
        raise ConfigError(f"REDIS_URL ({redact_url(url)}) is no address of a Redis server: {error}.") from error
    broker = Broker(client, settings, shown_url=redact_url(url))
    _check_server(broker)
    broker.partitions = _agree_on_partitions(broker)
    try_scripts(broker)
    return broker


def _check_server(broker: Broker) -> None:
    with broker.errors():
        info = broker.client.info("everything")
    valkey = info.get("valkey_version")
    version, oldest = (valkey, OLDEST_VALKEY) if valkey else (str(info["redis_version"]), OLDEST_REDIS)
    if tuple(int(part) for part in str(version).split(".")[:2]) < oldest:
        raise BrokerPolicyError(
            f"Redis at {broker.shown_url} has version {version}; moodline needs Redis 7.0, Valkey 7.2, or later."
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise BrokerPolicyError(
            f"Redis at {broker.shown_url} has maxmemory-policy {policy}, which deletes accepted crops without a word; "
            "set `maxmemory-policy noeviction`."
        )


def _agree_on_partitions(broker: Broker) -> int:
    wanted = broker.settings.partitions
    with broker.errors():
        broker.client.set(PARTITIONS_KEY, wanted, nx=True)
        fixed = int(cast("bytes", broker.client.get(PARTITIONS_KEY)))
    if fixed != wanted:
        raise ConfigError(
            f"redis.partitions is {wanted}, but Redis at {broker.shown_url} was set up with {fixed}, and the number is "
            f"fixed then; set redis.partitions to {fixed}."
        )
    return fixed
