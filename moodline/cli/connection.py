"""Which Redis a command asks."""

from collections.abc import Sequence
from pathlib import Path

from moodline.broker import Broker, connect
from moodline.errors import BrokerUnavailableError, ConfigError
from moodline.settings import RedisSettings, load_settings
from moodline.up.address import RunningUp, running_ups


def open_broker(config: Path | None, run: int | None = None) -> Broker:
    """Connect to the configured Redis, else to the one of this user's running ``moodline up``.

    ``run`` is the port of the API of the one that is meant, whatever is configured. Raises ConfigError where several
    run and none is named, or BrokerUnavailableError; both name what to do.
    """
    redis = load_settings(config).redis
    return connect(redis) if redis.url is not None and run is None else _connect_to_running(redis, run)


def _connect_to_running(redis: RedisSettings, port: int | None) -> Broker:
    from pydantic import SecretStr

    runs = running_ups()
    meant = [run for run in runs if port in {None, run.api_port}]
    if not runs:
        raise BrokerUnavailableError(
            "There is no Redis to ask: start `moodline up` in another terminal, or set REDIS_URL."
        )
    if not meant:
        raise BrokerUnavailableError(
            f"There is no `moodline up` with its API on port {port}. Those that run: {_listed(runs)}."
        )
    if len({run.redis_url for run in meant}) > 1:
        raise ConfigError(
            f"There are several `moodline up`: {_listed(meant)}. Name the one that you mean by that number: "
            f"--run {meant[0].api_port}."
        )
    return connect(redis.model_copy(update={"url": SecretStr(meant[0].redis_url)}))


def _listed(runs: Sequence[RunningUp]) -> str:
    return ", ".join(f"{run.api_port} ({', '.join(run.streams)})" for run in runs)
