"""How long it takes from a frame's capture to its event, with a few live streams."""

import time
from collections.abc import Sequence

from bench.case import Bar, Case, Context, Result, Table
from bench.samples import Samples, number, percentiles
from bench.system import System, running_system, wait_for
from moodline.event import Event

_STREAMS, _FPS = 4, 5.0
_WANTED_MS = 150.0
_WINDOW_S, _WINDOW_QUICK_S = 10.0, 4.0
_SETTLED_EVENTS = 20
_STARTED_WITHIN_S = 60.0
_STAGES = ("detect", "crop", "enqueued", "taken", "inferred", "committed")


def _watch(system: System, names: Sequence[str], seconds: float) -> list[tuple[float, Event]]:
    """Return the events of the next seconds, each with its milliseconds from capture to the feed."""
    after = {name: len(system.server.events(name)) for name in names}
    time.sleep(seconds)
    fresh = [found for name in names for found in system.server.events(name)[after[name] :]]
    # Capture and feed are timed by the same machine's clock.
    return [(at_ms - event.captured_at.timestamp() * 1000, event) for at_ms, event in fresh]


def _measure(context: Context) -> list[list[tuple[float, Event]]]:
    streams = [{"id": f"camera-{number}", "url": "demo", "fps": _FPS} for number in range(1, _STREAMS + 1)]
    names = [str(stream["id"]) for stream in streams]
    seconds = _WINDOW_QUICK_S if context.quick else _WINDOW_S
    windows = []
    with running_system(context) as system, system.reading(streams):
        wait_for(
            lambda: all(len(system.server.events(name)) >= _SETTLED_EVENTS for name in names),
            within_s=_STARTED_WITHIN_S,
            what="all streams give events",
        )
        for repetition in range(context.repetitions):
            context.say(f"  repetition {repetition + 1}, {seconds:g} s")
            windows.append(_watch(system, names, seconds))
    return windows


def _run(context: Context) -> Result:
    windows = _measure(context)
    cuts = [percentiles((latency for latency, _ in window), 50, 95, 99, 100) for window in windows]
    p50, p95, p99, most = (Samples.of(values) for values in zip(*cuts, strict=True))
    rate = Samples.of(len(window) / (_WINDOW_QUICK_S if context.quick else _WINDOW_S) for window in windows)
    load = f"{_STREAMS} streams at {_FPS:g} fps"
    latency = Table(
        "Capture to event, ms",
        ("load", "events/s", "p50", "p95", "p99", "most"),
        [[load, rate.text(), p50.text(), p95.text(), p99.text(), most.text()]],
    )
    bar = Bar(f"p95 of at most {_WANTED_MS:g} ms with {load}", f"{p95.text()} ms", p95.median <= _WANTED_MS)
    return Result([latency, _stages([event for window in windows for _, event in window])], [bar])


def _stages(events: Sequence[Event]) -> Table:
    """Return a table of the milliseconds from capture to the end of each stage."""
    rows = []
    for stage in _STAGES:
        found = [event.latency_ms[stage] for event in events if event.latency_ms and stage in event.latency_ms]
        if found:
            rows.append([stage, *(number(value) for value in percentiles(found, 50, 95))])
    return Table("From capture to the end of each stage, ms", ("stage", "p50", "p95"), rows)


CASE = Case(
    "latency",
    40,
    "Latency: from capture to event",
    f"{_STREAMS} demo cameras at {_FPS:g} frames a second with the default settings, server, ingest and worker on "
    "this machine. From the moment at which a frame was captured to the moment at which the server wrote its event "
    "into the feed, where subscribers see it at once.",
    _run,
)
