"""Which Redis a command asks."""

from pathlib import Path

from moodline.broker import Broker, connect
from moodline.errors import BrokerUnavailableError
from moodline.settings import RedisSettings, load_settings
from moodline.up.address import announced_url


def open_broker(config: Path | None) -> Broker:
    """Connect to the configured Redis, else to the one of this user's running ``moodline up``.

    Raises ConfigError, or BrokerUnavailableError naming what to do.
    """
    redis = load_settings(config).redis
    return connect(redis) if redis.url is not None else _connect_to_running(redis)


def _connect_to_running(redis: RedisSettings) -> Broker:
    from pydantic import SecretStr

    url = announced_url()
    try:
        if url is not None:
            return connect(redis.model_copy(update={"url": SecretStr(url)}))
    except BrokerUnavailableError:
        pass  # it was killed and could not take its address back
    raise BrokerUnavailableError("There is no Redis to ask: start `moodline up` in another terminal, or set REDIS_URL.")
