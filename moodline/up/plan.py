"""What ``moodline up`` runs: settings, ports, and the environment of each service."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moodline.errors import ConfigError
from moodline.sealing import new_key
from moodline.settings import Settings, StreamSettings
from moodline.settings.load import load_settings
from moodline.up.ports import ClaimedPorts, require_port
from moodline.up.sources import name_sources

_STREAMS = "MOODLINE_STREAMS"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. ``sources`` take the place of the streams in ``config``."""

    config: Path | None = None
    sources: Sequence[str] = ()
    duration_s: float | None = None
    port: int | None = None
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings after all overrides, the overriding environment, where the API listens, and all ports of the run."""

    settings: Settings
    config: Path | None
    overrides: Mapping[str, str]
    api_port: int
    workers: int
    ports: ClaimedPorts

    @property
    def streams(self) -> list[StreamSettings]:
        """The streams that are read from the start; browsers' webcams come and go."""
        return [stream for stream in self.settings.streams if stream.enabled and stream.kind != "browser"]

    @property
    def webcam_url(self) -> str:
        """Where a browser on this machine shows its own webcam."""
        return f"{self.api_url}/webcam"

    @property
    def api_url(self) -> str:
        """Where a browser on this machine finds the API."""
        host = reachable(self.settings.api.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.api_port}"


def reachable(host: str) -> str:
    """Return where this machine reaches what listens on ``host``, which may stand for all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on


def make_plan(options: Options) -> Plan:
    """Settle what to run. Raises ConfigError (also where there is nothing to watch) and PortTakenError."""
    overrides = _overrides(options)
    settings = load_settings(options.config, {**os.environ, **overrides})
    if not any(stream.enabled for stream in settings.streams):
        raise ConfigError(
            "There is nothing to watch: name a camera, a file or a folder with --source URL, or streams in a "
            "file with --config FILE; `moodline up --source demo` needs none of them."
        )
    ports = ClaimedPorts()
    api_port = _api_port(settings, options.port, ports)
    return Plan(settings, options.config, overrides, api_port, options.workers, ports)


def environment(plan: Plan, redis_url: str) -> dict[str, str]:
    """Return what every service of the run has in its environment."""
    log = {"MOODLINE_LOG__FORMAT": "text"} if plan.settings.log.format == "auto" else {}
    return {**os.environ, **plan.overrides, **log, "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}


def seal_key(settings: Settings) -> dict[str, str]:
    """Return the key that seals pictures and faces in Redis: the configured one or a fresh one."""
    configured = settings.redis.seal_key
    return {"MOODLINE_SEAL_KEY": configured.get_secret_value() if configured else new_key()}


def _overrides(options: Options) -> dict[str, str]:
    if not options.sources:
        return {}
    named = [{"id": stream, "url": url} for stream, url in name_sources(options.sources)]
    return {_STREAMS: json.dumps(named)}


def _api_port(settings: Settings, asked: int | None, ports: ClaimedPorts) -> int:
    """A port that somebody chose must be free; the default one only has to be near."""
    host = settings.api.host
    if asked is None and "port" not in settings.api.model_fields_set:
        return ports.next_free(host, settings.api.port)
    remedy = "choose another with --port, or end what listens there"
    return require_port(host, asked or settings.api.port, purpose="the API", remedy=remedy)
