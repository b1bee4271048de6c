"""What the way through the queue costs: a worker's faces a second as a share of what its engine does alone."""

import time

from bench.case import Bar, Case, Context, Result, Table
from bench.crowd import Crowd, queued
from bench.null_worker import real_worker
from bench.samples import Samples
from bench.server import private_server

_WANTED = 0.85
_STREAMS = 8
_CROPS, _CROPS_QUICK = 4_000, 400
_DONE_WITHIN_S = 120.0
_LOOK_S = 0.2


def _measure(crops: int) -> tuple[float, float]:
    """Return faces/s of the engine alone and of the worker around it, in one process, one after the other."""
    with private_server() as server:
        crowd = Crowd(server.broker, _STREAMS)
        count = crowd.enqueue(crops)
        with real_worker(server.redis) as worker:
            deadline = time.monotonic() + _DONE_WITHIN_S
            while queued(server.broker, crowd.names) and time.monotonic() < deadline:
                time.sleep(_LOOK_S)
        first = worker_batch(count)
        return worker.bare, (count - first) / (server.feed_span_ms() / 1000)


def worker_batch(count: int) -> int:
    """The first batch's events are where the time begins, so they are not counted."""
    return min(64, count // 2)


def _run(context: Context) -> Result:
    found = []
    for repetition in range(context.repetitions):
        context.say(f"  repetition {repetition + 1}")
        found.append(_measure(_CROPS_QUICK if context.quick else _CROPS))
    bare, through = (Samples.of(values) for values in zip(*found, strict=True))
    share = through.over(bare)
    rows = [
        ["the engine alone", bare.text(), ""],
        ["from the queue to committed events", through.text(), share.text()],
    ]
    wanted = f"at least {_WANTED:.0%} of the bare engine"
    bar = Bar(wanted, f"{share.median:.0%} ({min(share.values):.0%}-{max(share.values):.0%})", share.median >= _WANTED)
    return Result([Table("The shipped model", ("", "faces/s", "share"), rows)], [bar])


CASE = Case(
    "share",
    25,
    "Worker: share of the bare engine",
    "One worker process with the shipped model and the engine that it chooses itself. First the engine runs full "
    f"batches of random faces for three seconds; then the worker takes {_CROPS:,} queued crops of {_STREAMS} streams "
    "the whole way to committed and published events, on the cores that it shares with the server. Rate from the first "
    "to the last event, without the first batch.",
    _run,
)
