"""Latency against offered load, from a tenth of what a worker can do to three times as much."""

import time
from dataclasses import dataclass

from bench.case import Bar, Case, Context, Picture, Result, Table
from bench.null_worker import real_worker
from bench.plot import lines
from bench.samples import Samples, percentiles
from bench.server import Server, private_server
from bench.steady_load import SteadyLoad

_LOADS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_LOADS_QUICK = (0.1, 3.0)
_STREAMS = 16
_SETTLE_S, _WINDOW_S = 3.0, 5.0
_WINDOW_QUICK_S = 2.0
_FLAT = 0.8
_CAPACITY = 0.9
"""Of the bare engine's rate: that is what counts as 100 %."""


@dataclass(frozen=True, slots=True)
class _Run:
    offered: float
    events: float
    p50: float
    p95: float
    p99: float


def _measure(context: Context, server: Server, bare: float, load: SteadyLoad, share: float) -> _Run:
    """Offer a share of the capacity, and look at the events of a window once that has settled."""
    seconds = _WINDOW_QUICK_S if context.quick else _WINDOW_S
    offered = share * bare * _CAPACITY
    feed = server.broker.all_keys()[0].of_partition("feed")
    with load.offering(offered):
        time.sleep(_SETTLE_S)
        began_ms = time.time_ns() // 1_000_000
        time.sleep(seconds)
        ended_ms = time.time_ns() // 1_000_000
    ages = [
        at_ms - event.captured_at.timestamp() * 1000 for at_ms, event in server.events_between(feed, began_ms, ended_ms)
    ]
    time.sleep(load.max_age.total_seconds())  # what is left of it is stale now
    return _Run(offered, len(ages) / seconds, *percentiles(ages, 50, 95, 99))


def _measure_all(context: Context) -> tuple[dict[float, list[_Run]], float]:
    runs: dict[float, list[_Run]] = {share: [] for share in (_LOADS_QUICK if context.quick else _LOADS)}
    with private_server() as server, real_worker(server.redis) as worker:
        load = SteadyLoad(server.broker, _STREAMS)
        for repetition in range(context.repetitions):
            for share, found in runs.items():
                context.say(f"  repetition {repetition + 1}, {share:.0%}")
                found.append(_measure(context, server, worker.bare, load, share))
    return runs, load.max_age.total_seconds() * 1000


def _run(context: Context) -> Result:
    runs, max_age_ms = _measure_all(context)
    rows = []
    for share, found in runs.items():
        offered, events = Samples.of(run.offered for run in found), Samples.of(run.events for run in found)
        cuts = [Samples.of(getattr(run, name) for run in found).text() for name in ("p50", "p95", "p99")]
        rows.append([f"{share:.0%}", offered.text(), events.text(), *cuts])
    title = f"{_STREAMS} live streams, one worker; events and ms from capture to event"
    table = Table(title, ("load", "offered/s", "events/s", "p50", "p95", "p99"), rows)
    return Result([table], _bars(runs, max_age_ms), pictures=[_plot(runs, max_age_ms)])


def _bars(runs: dict[float, list[_Run]], max_age_ms: float) -> list[Bar]:
    most = max(runs)
    age = Samples.of(run.p95 for run in runs[most])
    bars = [
        Bar(
            f"at {most:.0%} load the p95 age of events within max_age ({max_age_ms:,.0f} ms)",
            f"{age.text()} ms",
            age.median <= max_age_ms,
        )
    ]
    if 1.0 in runs:
        kept = Samples.of(run.events for run in runs[most]).over(Samples.of(run.events for run in runs[1.0]))
        wanted = f"goodput flat: events/s at {most:.0%} at least {_FLAT:g} of those at 100%"
        bars.append(Bar(wanted, f"{kept.text()} times", kept.median >= _FLAT))
    return bars


def _plot(runs: dict[float, list[_Run]], max_age_ms: float) -> Picture:
    loads = [share * 100 for share in runs]
    curves = {
        name: (loads, [Samples.of(getattr(run, name) for run in found).median for found in runs.values()])
        for name in ("p50", "p95", "p99")
    }
    svg = lines("From capture to event", ("offered load, % of capacity", "ms"), curves, limit=(max_age_ms, "max_age"))
    return Picture("benchmarks-load.svg", "Milliseconds from capture to event against offered load", svg)


CASE = Case(
    "load",
    45,
    "Load: latency when more and more is offered",
    f"One worker with the shipped model; {_STREAMS} live streams with the default settings offer crops evenly. 100 % "
    f"is {_CAPACITY:.0%} of what the engine did alone just before, on cores that server, worker and the offering "
    "process share. Age from capture to the event's entry in the feed; the freshest wins, so beyond 100 % crops are "
    "dropped and counted, and the age of what is published stays bounded.",
    _run,
)
