"""How fast the API answers a crowd of dashboards while a worker runs."""

import asyncio
import itertools
import random
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.api_load import Answers, Target, crowd
from bench.case import Bar, Case, Context, Result, Table
from bench.null_worker import null_worker, real_worker
from bench.samples import Samples, number, percentiles
from bench.server import Server, private_server
from bench.steady_load import SteadyLoad
from bench.system import running, wait_for

_SUBSCRIBERS, _RATE, _WANTED_MS = 50, 200.0, 50.0
_STREAMS, _CROPS_PER_S = 16, 20.0
_SECONDS, _SECONDS_QUICK = 20.0, 3.0
_HISTORY = ((timedelta(days=1), timedelta(minutes=15)), (timedelta(hours=1), timedelta(seconds=20)))
_MOST_QUEUED = 200
_WINDOWS = ("5m", "15m", "30m", "1h", "6h", "24h")
_HOST = "127.0.0.1"
_LISTENS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class _Run:
    answered: float
    p50: float
    p95: float
    p99: float
    failures: int
    events: float
    missed: int

    @classmethod
    def of(cls, answers: Answers, seconds: float) -> "_Run":
        p50, p95, p99 = percentiles(answers.latencies_ms, 50, 95, 99)
        events = sum(answers.events) / len(answers.events)
        return cls(len(answers.latencies_ms) / seconds, p50, p95, p99, answers.failures, events, answers.missed)


def _paths(streams: Sequence[str]) -> list[str]:
    return ["/v1/summary", *(f"/v1/streams/{stream}/summary" for stream in streams)]


def _of_a_crowd(streams: Sequence[str]) -> Iterator[str]:
    """Yield what dashboards ask: each stream and all together, over usual windows, a third beside the one before."""
    choose = random.Random(1)
    while True:
        compare = choose.choice(("", "", "&compare=before"))
        yield f"{choose.choice(_paths(streams))}?window={choose.choice(_WINDOWS)}{compare}"


def _all_different(streams: Sequence[str]) -> Iterator[str]:
    """Yield questions of which no two are alike, so that no answer can be used again."""
    choose = random.Random(2)
    for count in itertools.count():
        until = datetime.now(UTC) - timedelta(milliseconds=count % 1000)
        since = until - timedelta(minutes=choose.choice((5, 15, 30, 55)))
        span = f"from={since:%Y-%m-%dT%H:%M:%S.%fZ}&to={until:%Y-%m-%dT%H:%M:%S.%fZ}"
        yield f"{choose.choice(_paths(streams))}?{span}"


_QUESTIONS = {"as dashboards ask": _of_a_crowd, "no two alike": _all_different}


def _measure(context: Context, load: SteadyLoad, target: Target) -> Mapping[str, list[_Run]]:
    seconds = _SECONDS_QUICK if context.quick else _SECONDS
    runs: dict[str, list[_Run]] = {name: [] for name in _QUESTIONS}
    with load.offering(_CROPS_PER_S):
        for repetition in range(context.repetitions):
            for name, questions in _QUESTIONS.items():
                context.say(f"  repetition {repetition + 1}, {name}")
                asked = crowd(target, questions(load.names), subscribers=_SUBSCRIBERS, rate=_RATE, seconds=seconds)
                runs[name].append(_Run.of(asyncio.run(asked), seconds))
    return runs


def _remember(context: Context, server: Server, load: SteadyLoad) -> None:
    """Give each stream a face now and then for a day, and three a minute in the last hour; a worker without a model."""
    context.say(f"  a day of {_STREAMS} streams")
    now_ms = time.time_ns() // 1_000_000
    spans = ((round(past.total_seconds() * 1000), round(step.total_seconds() * 1000)) for past, step in _HISTORY)
    moments = sorted({at for past_ms, step_ms in spans for at in range(now_ms - past_ms, now_ms, step_ms)})
    with null_worker(server.redis):
        load.remember(moments, _MOST_QUEUED)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((_HOST, port)) == 0


def _run(context: Context) -> Result:
    with socket.create_server((_HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    with private_server() as server:
        load = SteadyLoad(server.broker, _STREAMS)
        _remember(context, server, load)
        environment = {**server.environment, "MOODLINE_API__PORT": str(port), "MOODLINE_API__RATE_LIMIT": "100000"}
        with real_worker(server.redis), running("api", [], environment) as api:
            wait_for(lambda: api.ended_well() or _listens(port), within_s=_LISTENS_WITHIN_S, what="the API listens")
            runs = _measure(context, load, Target(_HOST, port))
    columns = ("questions", "answers/s", "p50", "p95", "p99", "not answered", "events a subscriber", "missed")
    rows = [_row(name, found) for name, found in runs.items()]
    title = f"{_RATE:g} summaries a second asked for, {_SUBSCRIBERS} subscribers; ms from when a question was due"
    return Result([Table(title, columns, rows)], [_bar(name, found) for name, found in runs.items()])


def _row(name: str, runs: Sequence[_Run]) -> list[str]:
    figures = [Samples.of(getattr(run, each) for run in runs).text() for each in ("answered", "p50", "p95", "p99")]
    rest = [sum(run.failures for run in runs), round(sum(run.events for run in runs)), sum(run.missed for run in runs)]
    return [name, *figures, *(number(one) if one else "0" for one in rest)]


def _bar(name: str, runs: Sequence[_Run]) -> Bar:
    p95 = Samples.of(run.p95 for run in runs)
    met = p95.median <= _WANTED_MS and not any(run.failures for run in runs)
    return Bar(f"{name}: all answered, p95 at most {_WANTED_MS:g} ms", f"{p95.text()} ms", met)


CASE = Case(
    "api",
    47,
    "API: summaries for a crowd, beside a running worker",
    f"One API process, one worker with the shipped model that judges {_CROPS_PER_S:g} faces a second of {_STREAMS} "
    f"streams, each with a day of summaries behind it, {_SUBSCRIBERS} subscribers of all live events by SSE, and "
    f"{_RATE:g} questions a second at fixed times, server and crowd on the same cores. As dashboards ask: any stream "
    f"or all together over {', '.join(_WINDOWS)}, a third of them compared with the window before. No two alike: from "
    "one moment to another, so that no answer counts twice.",
    _run,
)
