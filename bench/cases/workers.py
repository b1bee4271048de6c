"""How throughput grows with workers, where the model sleeps and only the queue has to be shared."""

import multiprocessing
import time
from contextlib import ExitStack

from bench.case import Bar, Case, Context, Result, Table
from bench.crowd import Crowd, queued
from bench.null_worker import null_worker
from bench.samples import Samples
from bench.server import private_server

_WORKERS = (1, 2, 4)
_WANTED = 3.5
_STREAMS = 16
_BATCH, _BATCH_S = 16, 0.04
_SECONDS, _SECONDS_QUICK = 6.0, 2.0
_ENOUGH = 1.6
"""Times what the workers can do in that time."""


def _measure(workers: int, seconds: float) -> float:
    """Return events/s of so many workers, while more is queued than they can do."""
    with private_server() as server:
        crowd = Crowd(server.broker, _STREAMS)
        count = crowd.enqueue(round(_ENOUGH * seconds * workers * _BATCH / _BATCH_S))
        go = multiprocessing.get_context("spawn").Event()
        with ExitStack() as stack:
            for _ in range(workers):
                stack.enter_context(null_worker(server.redis, batch_s=_BATCH_S, batch_size=_BATCH, go=go))
            go.set()
            before, began = queued(server.broker, crowd.names), time.perf_counter()
            time.sleep(seconds)
            left, took = queued(server.broker, crowd.names), time.perf_counter() - began
        if not left:
            raise RuntimeError(f"all {count} crops were done too early to measure {workers} workers")
        return (before - left) / took


def _run(context: Context) -> Result:
    seconds = _SECONDS_QUICK if context.quick else _SECONDS
    rates: dict[int, list[float]] = {workers: [] for workers in _WORKERS}
    for repetition in range(context.repetitions):
        for workers, found in rates.items():
            context.say(f"  repetition {repetition + 1}, {workers} workers")
            found.append(_measure(workers, seconds))
    one = Samples.of(rates[1])
    rows, growth = [], one
    for workers, found in rates.items():
        rate = Samples.of(found)
        growth = rate.over(one)
        rows.append([str(workers), rate.text(), growth.text()])
    table = Table(f"Batches of {_BATCH} that sleep {_BATCH_S * 1000:g} ms", ("workers", "crops/s", "times one"), rows)
    wanted = f"{_WORKERS[-1]} workers at least {_WANTED} times one"
    return Result([table], [Bar(wanted, f"{growth.text()} times", growth.median >= _WANTED)])


CASE = Case(
    "workers",
    35,
    "Workers: how throughput grows",
    f"Worker processes whose model sleeps instead of computing share {_STREAMS} streams with more crops than they can "
    f"do; one can do {_BATCH / _BATCH_S:g} crops/s at most. What is missing to the full multiple is the queue's.",
    _run,
)
