"""How many crops a second one worker brings from the queue to the event feed when the model costs nothing."""

import time
from dataclasses import dataclass

from bench.case import Bar, Case, Context, Result, Table
from bench.crowd import Crowd, queued
from bench.null_worker import null_worker
from bench.samples import Samples
from bench.server import private_server
from moodline.streams import stream_view

_WANTED = 10_000
_STREAMS = (8, 1, 64)
"""The bar is held against the first."""
_CROPS, _CROPS_QUICK = 20_000, 4_000
_LOOK_S = 0.05
_DONE_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class _Run:
    enqueued_per_s: float
    committed_per_s: float
    worker_us: float
    server_us: float


def _measure(streams: int, crops: int) -> _Run:
    with private_server() as server:
        crowd = Crowd(server.broker, streams)
        began = time.perf_counter()
        count = crowd.enqueue(crops)
        enqueued_per_s = count / (time.perf_counter() - began)
        cpu_before = server.cpu_s()
        with null_worker(server.redis) as worker:
            deadline = time.monotonic() + _DONE_WITHIN_S
            while queued(server.broker, crowd.names) and time.monotonic() < deadline:
                time.sleep(_LOOK_S)
        ledgers = [view.ledger for name in crowd.names if (view := stream_view(server.broker, name))]
        if sum(ledger.events for ledger in ledgers) != count or not all(ledger.balanced for ledger in ledgers):
            raise RuntimeError(f"the ledger is wrong: {ledgers}")
        return _Run(
            enqueued_per_s,
            count / (server.feed_span_ms() / 1000),
            (worker.cpu_s or 0.0) / count * 1e6,
            (server.cpu_s() - cpu_before) / count * 1e6,
        )


def _row(streams: int, runs: list[_Run]) -> list[str]:
    return [
        str(streams),
        Samples.of(run.committed_per_s for run in runs).text(),
        Samples.of(run.worker_us for run in runs).text(),
        Samples.of(run.server_us for run in runs).text(),
        Samples.of(run.enqueued_per_s for run in runs).text(),
    ]


def _run(context: Context) -> Result:
    crops = _CROPS_QUICK if context.quick else _CROPS
    runs: dict[int, list[_Run]] = {streams: [] for streams in _STREAMS}
    for repetition in range(context.repetitions):
        for streams, done in runs.items():
            context.say(f"  repetition {repetition + 1}, {streams} streams")
            done.append(_measure(streams, crops))
    reached = Samples.of(run.committed_per_s for run in runs[_STREAMS[0]])
    columns = ("streams", "crops/s", "worker, us CPU a crop", "server, us CPU a crop", "enqueued/s, one reader")
    table = Table("From the queue to the event feed", columns, [_row(n, done) for n, done in runs.items()])
    wanted = f"at least {_WANTED:,} crops/s with all checks on, {_STREAMS[0]} streams"
    return Result([table], [Bar(wanted, reached.text(), reached.median >= _WANTED)])


CASE = Case(
    "queue",
    30,
    "Queue: one worker without a model",
    f"{_CROPS:,} sealed crops are queued, {_STREAMS[0]} streams (and other numbers) in turn; then one worker process "
    "takes, decodes, checks and commits them, with smoothing, four resolutions of summaries and publishing. Its model "
    "answers at once. Rate from the first to the last event in the feed.",
    _run,
)
