"""Opens the connection to one server or to a Redis Cluster, whichever answers, and checks what answers."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from moodline.errors import BrokerPolicyError, ConfigError
from moodline.redact import redact_url
from moodline.settings import RedisSettings

OLDEST_REDIS: Final = (7, 0)
OLDEST_VALKEY: Final = (7, 2)


def open_client(settings: RedisSettings) -> "redis.Redis":
    """Return a client of the server at ``redis.url``, or of the whole cluster where that server is one of its nodes.

    Raises ConfigError (no or malformed URL), BrokerPolicyError, redis-py's errors.
    """
    if settings.url is None:
        raise ConfigError(
            "REDIS_URL is not set: give the address of a Redis 7.0+ or Valkey 7.2+ server "
            "(redis://localhost:6379), or start everything with `moodline up`, which brings its own."
        )
    url = settings.url.get_secret_value()
    shown = redact_url(url)
    try:
        client = redis.Redis.from_url(url, **_options(settings))
    except ValueError as error:
        raise ConfigError(f"REDIS_URL ({shown}) is no address of a Redis server: {error}.") from error
    info = client.info("everything")
    if not _is_cluster(info):
        _check_server(info, shown)
        return client
    client.close()
    cluster = redis.RedisCluster.from_url(url, require_full_coverage=False, **_options(settings))
    for name, of_node in _info_of_nodes(cluster):
        _check_server(of_node, f"{name} (of the cluster at {shown})")
    # It has the same commands; a key leads each to its node.
    return cast("redis.Redis", cluster)


def is_cluster(client: "redis.Redis") -> bool:
    """Return whether keys of several slots must be asked for one by one."""
    return isinstance(client, redis.RedisCluster)


def _options(settings: RedisSettings) -> dict[str, Any]:
    timeout = settings.socket_timeout.total_seconds()
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # Only the caller knows which of its commands may run twice, so the client itself never retries.
        "retry": Retry(NoBackoff(), 0),
    }
    url = settings.url.get_secret_value() if settings.url else ""
    if settings.password is not None and not url.startswith("unix://"):
        options["password"] = settings.password.get_secret_value()  # the URL's own goes before it
    if settings.tls_ca is not None and url.startswith("rediss://"):
        if not settings.tls_ca.is_file():
            raise ConfigError(f"redis.tls_ca: there is no file {settings.tls_ca}; correct the path.")
        options["ssl_ca_certs"] = str(settings.tls_ca)
    return options


def _is_cluster(info: Mapping[str, Any]) -> bool:
    return bool(info.get("cluster_enabled"))


def _info_of_nodes(cluster: "redis.RedisCluster") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for node in cluster.get_primaries():  # type: ignore[no-untyped-call]
        yield node.name, cast("Mapping[str, Any]", cluster.info("everything", target_nodes=node))


def _check_server(info: Mapping[str, Any], shown: str) -> None:
    valkey = info.get("valkey_version")
    version, oldest = (valkey, OLDEST_VALKEY) if valkey else (str(info["redis_version"]), OLDEST_REDIS)
    if tuple(int(part) for part in str(version).split(".")[:2]) < oldest:
        raise BrokerPolicyError(
            f"Redis at {shown} has version {version}; moodline needs Redis 7.0, Valkey 7.2, or later."
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise BrokerPolicyError(
            f"Redis at {shown} has maxmemory-policy {policy}, which deletes accepted crops without a word; "
            "set `maxmemory-policy noeviction`."
        )
