"""``moodline analyse``: with the configured Redis and its workers, or with a server and a worker of its own."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from moodline.broker import connect
from moodline.embedded import EmbeddedServer
from moodline.errors import BrokerUnavailableError
from moodline.recordings.facts import Facts
from moodline.recordings.run import Options, Watch, analyse, check_video, unfinished
from moodline.settings import RedisSettings, Settings, load_settings
from moodline.up.plan import seal_key
from moodline.up.ports import ClaimedPorts
from moodline.up.service import Service

_STOPS_WITHIN_S = 3.0


def analyse_here(options: Options, stop: threading.Event, watch: Watch) -> Facts:
    """Analyse a video with what is configured, else with what this machine has. Raises what ``analyse`` raises."""
    settings = load_settings(options.config)
    with ExitStack() as stack:
        if settings.redis.url is not None:
            broker = stack.enter_context(closing(connect(settings.redis)))
            return analyse(replace(options, env=_environment(settings, {})), broker, stop, watch)
        check_video(options.video)
        known = unfinished(options)
        if options.annotate and known is not None and known.facts is not None:
            return known.facts  # the annotated video alone is missing, which needs no server and no worker
        server = stack.enter_context(EmbeddedServer())
        own = {"REDIS_URL": server.url, **seal_key(settings)}
        env = _environment(settings, own)
        broker = stack.enter_context(closing(connect(_redis(settings.redis, own))))
        worker = stack.enter_context(_worker(settings, options.config, env, watch))

        def check() -> None:
            if not server.running:
                raise BrokerUnavailableError("The embedded Redis server has ended unexpectedly.")
            worker.check()

        return analyse(replace(options, env=env), broker, stop, replace(watch, check=check))


def _environment(settings: Settings, own: Mapping[str, str]) -> dict[str, str]:
    log = {"MOODLINE_LOG__FORMAT": "text"} if settings.log.format == "auto" else {}
    return {**log, **own}


def _redis(redis: RedisSettings, own: Mapping[str, str]) -> RedisSettings:
    names = {"url": own["REDIS_URL"], "seal_key": own["MOODLINE_SEAL_KEY"]}
    return redis.model_copy(update={name: SecretStr(value) for name, value in names.items()})


@contextmanager
def _worker(settings: Settings, config: Path | None, env: Mapping[str, str], watch: Watch) -> Iterator[Service]:
    """Run one worker, which warms up while the first frames are read."""
    ports = ClaimedPorts()

    def environment() -> Mapping[str, str]:
        port = ports.next_free(settings.worker.metrics_host, settings.worker.metrics_port)
        return {**os.environ, "PYTHONUNBUFFERED": "1", **env, "MOODLINE_WORKER__METRICS_PORT": str(port)}

    arguments = ["--config", str(config)] if config else []
    service = Service(
        "worker", "worker", arguments=arguments, env=environment, on_line=lambda _name, line: watch.line(line)
    )
    service.start()
    try:
        yield service
        service.terminate()
        service.wait(_STOPS_WITHIN_S)
    finally:
        service.kill()
