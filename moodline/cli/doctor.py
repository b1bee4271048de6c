"""``moodline doctor``: is everything as it must be, and what to do where it is not?"""

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from moodline.cli.options import AsJson, Config

if TYPE_CHECKING:
    from moodline.doctor.finding import Finding
    from moodline.settings import Settings

_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def doctor(
    config: Config = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="Longest wait for each camera.")] = 3.0,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong, and say what to do.

    Configuration, Redis, model, cameras, jobs, clock, ports, GPU. No stream is changed and no password sent. Exit code
    0: it can run; 1: something fails; 2: the configuration is wrong.
    """
    from moodline.settings import load_settings

    settings = load_settings(config)
    failed = False
    for finding in _findings(settings, timeout):
        failed |= finding.grade == "fail"
        if as_json:
            typer.echo(json.dumps(dataclasses.asdict(finding)))
        else:
            _print(finding)
    raise typer.Exit(1 if failed else 0)


def _findings(settings: "Settings", timeout_s: float) -> Iterator["Finding"]:
    from moodline.doctor.finding import Finding
    from moodline.doctor.jobs import look_at_jobs
    from moodline.doctor.machine import gpu_names, installed_engines, look_at_gpu, look_at_model, look_at_ports
    from moodline.doctor.server import look_at_redis
    from moodline.doctor.sources import look_at_sources

    count = sum(stream.enabled for stream in settings.streams)
    yield Finding("configuration", "ok", f"It is valid, with {count} {'stream' if count == 1 else 'streams'} to read.")
    yield from look_at_redis(settings.redis)
    yield look_at_model(settings.worker)
    yield from look_at_sources(settings, timeout_s=timeout_s)
    yield from look_at_jobs(settings)
    yield from look_at_ports(settings)
    yield look_at_gpu(settings.worker, names=gpu_names(), engines=installed_engines())


def _print(finding: "Finding") -> None:
    typer.echo(f"{_MARKS[finding.grade]}  {finding.subject}: {finding.sentence}")
    if finding.advice:
        typer.echo(f"      -> {finding.advice}")
