"""The connection to Redis: partitions, scripts, and errors that a person understands."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, cast

import msgpack
import redis
from redis.exceptions import ClusterDownError, RedisClusterException

from moodline.connecting import is_cluster, open_client
from moodline.errors import (
    BrokerError,
    BrokerFullError,
    BrokerPolicyError,
    BrokerUnavailableError,
    ConfigError,
)
from moodline.keys import PARTITIONS_KEY, PartitionKeys, partition_of
from moodline.redact import redact_text, redact_url
from moodline.scripts import READING_SCRIPTS, ScriptName, script
from moodline.sealing import Sealer
from moodline.settings import RedisSettings
from moodline.trial import try_scripts

log = logging.getLogger(__name__)

# What Valkey and Redis 7.0 say when the user of a script lacks a right; it comes as a plain error.
_NO_RIGHT_IN_SCRIPT: Final = ("ACL failure in script", "user executing the script can't")
_AWAY: Final = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    ClusterDownError,
    RedisClusterException,
)


class Broker:
    """One service's way to Redis, one server or a cluster. Safe to share between threads."""

    def __init__(self, client: "redis.Redis", settings: RedisSettings, *, shown_url: str) -> None:
        self.client = client
        self.settings = settings
        self.shown_url = shown_url
        self.partitions = 1

    @property
    def cluster(self) -> bool:
        """Whether partitions may live on different nodes: no command may name keys of two of them."""
        return is_cluster(self.client)

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
        first_key, packed = keys.of_partition("ready"), _packed(args)
        # The server lets a user who may not write run what is declared to write nothing.
        reads = name in READING_SCRIPTS
        with self.errors():
            try:
                by_sha = self.client.evalsha_ro if reads else self.client.evalsha
                return by_sha(found.sha, 1, first_key, packed)
            except redis.exceptions.NoScriptError:
                whole = self.client.eval_ro if reads else self.client.eval
                return whole(found.text, 1, first_key, packed)

    def run_each(self, name: ScriptName, keys: PartitionKeys, /, calls: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Run a script once for each of ``calls``, and return the replies in this order. Raises as ``run`` does.

        One round trip, where the server is no cluster (redis-py's cluster client pipelines no scripts).
        """
        if self.cluster or len(calls) == 1:
            return [self.run(name, keys, **args) for args in calls]
        found, first_key = script(name), keys.of_partition("ready")
        with self.errors():
            pipeline = self.client.pipeline(transaction=False)
            by_sha = pipeline.evalsha_ro if name in READING_SCRIPTS else pipeline.evalsha
            for args in calls:
                by_sha(found.sha, 1, first_key, _packed(args))
            replies = pipeline.execute(raise_on_error=False)
            for number, reply in enumerate(replies):
                if isinstance(reply, redis.exceptions.NoScriptError):  # a server that has just started
                    replies[number] = self.run(name, keys, **calls[number])
                elif isinstance(reply, Exception):
                    raise reply
        return replies

    def errors(self) -> AbstractContextManager[None]:
        """Turn redis-py's errors into moodline's."""
        return explaining(self.shown_url)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()


def _packed(args: Mapping[str, Any]) -> bytes:
    """The servers' Lua knows MessagePack's old strings only, not its binary type."""
    packed: bytes = msgpack.packb(args, use_bin_type=False)
    return packed


@contextmanager
def explaining(shown_url: str) -> Iterator[None]:
    """Turn redis-py's errors with the server at ``shown_url`` into moodline's."""
    try:
        yield
    except (redis.exceptions.RedisError, RedisClusterException) as error:
        raise _explained(error, f"Redis at {shown_url}") from error


def _explained(error: Exception, where: str) -> BrokerError:
    said = redact_text(str(error)).rstrip(".")
    if isinstance(error, redis.exceptions.AuthenticationError | redis.exceptions.NoPermissionError) or any(
        sign in said for sign in _NO_RIGHT_IN_SCRIPT
    ):
        return BrokerPolicyError(
            f"{where} refuses this service ({said}); check user and password in REDIS_URL and the server's ACL."
        )
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return BrokerPolicyError(
            f"{where} shows a certificate that is not trusted ({said}); set redis.tls_ca to the file of the authority "
            "that signed it, and use the host name that stands in it."
        )
    if isinstance(error, _AWAY):
        return BrokerUnavailableError(
            f"{where} cannot be reached ({said}); start it or correct REDIS_URL (redis.url in the configuration)."
        )
    if isinstance(error, redis.exceptions.OutOfMemoryError) or "OOM" in said:
        return BrokerFullError(f"{where} is at its memory limit ({said}); raise maxmemory or add workers.")
    return BrokerError(f"{where} answered with an error ({said}).")


def connect(settings: RedisSettings) -> Broker:
    """Connect, check the server and its policy, and agree on the number of partitions.

    Raises ConfigError (no or malformed URL), BrokerUnavailableError, BrokerPolicyError.
    """
    shown_url = redact_url(settings.url.get_secret_value()) if settings.url else ""
    with explaining(shown_url):
        client = open_client(settings)
    broker = Broker(client, settings, shown_url=shown_url)
    broker.partitions = _agree_on_partitions(broker)
    try:
        try_scripts(broker)
    except BrokerFullError as error:
        # Nobody can try `enqueue` now; but a worker has to start, or nothing drains the server.
        log.warning("%s Until then it takes no crops, and what it holds is worked off.", error)
    return broker


def _agree_on_partitions(broker: Broker) -> int:
    wanted = broker.settings.partitions
    with broker.errors():
        known = broker.client.get(PARTITIONS_KEY)
        if known is None:  # else nothing is written: a full server must take a worker that drains it
            broker.client.set(PARTITIONS_KEY, wanted, nx=True)
            known = broker.client.get(PARTITIONS_KEY)
        fixed = int(cast("bytes", known))
    if fixed != wanted:
        raise ConfigError(
            f"redis.partitions is {wanted}, but Redis at {broker.shown_url} was set up with {fixed}, and the number is "
            f"fixed then; set redis.partitions to {fixed}."
        )
    return fixed
