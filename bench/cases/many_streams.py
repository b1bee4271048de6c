"""How many streams one ingest host reads, and what each of them takes."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.case import Bar, Case, Context, Result, Table
from bench.group import Usage, usage_of_group
from bench.null_worker import null_worker
from bench.samples import number
from bench.server import Server, private_server
from bench.system import YUNET, running, wait_for
from moodline.streams import StreamView, stream_view

_CLIP = "data/media/short_hamilton_clip.mp4"
_FPS = 2.0
_COUNTS, _COUNTS_QUICK = (8, 16, 32), (4,)
_WANTED_MIB = 60.0
_SETTLE_S, _WINDOW_S = 15.0, 20.0
_LIVE_WITHIN_S = 120.0
_NEARLY = 0.9


@dataclass(frozen=True, slots=True)
class _Load:
    """What so many streams took over a window: frames looked at a second of each, memory, processors."""

    streams: int
    fps: float
    usage: Usage
    processors: float

    @property
    def mib_a_stream(self) -> float:
        return self.usage.memory_mib / self.streams


def _measure(context: Context, count: int, clip: Path) -> _Load:
    names = [f"clip-{number}" for number in range(count)]
    with private_server() as server, null_worker(server.redis):
        environment = {
            **server.environment,
            "MOODLINE_INGEST__METRICS_PORT": "0",
            "MOODLINE_INGEST__DETECTOR_MODEL": str(context.require(YUNET)),
            "MOODLINE_STREAMS": _streams(names, clip),
        }
        with running("ingest", [], environment) as ingest:
            wait_for(
                lambda: all(_is_live(server, name) for name in names), within_s=_LIVE_WITHIN_S, what="all are read"
            )
            seconds = 2.0 if context.quick else _WINDOW_S
            time.sleep(2.0 if context.quick else _SETTLE_S)
            before = usage_of_group(ingest.group)
            time.sleep(seconds)
            after = usage_of_group(ingest.group)
            rates = [_fps(server, name) for name in names]
    return _Load(count, sum(rates) / count, after, (after.cpu_s - before.cpu_s) / seconds)


def _streams(names: Sequence[str], clip: Path) -> str:
    common = {"url": str(clip), "fps": _FPS, "loop": True, "realtime": True}
    return json.dumps([{"id": name, **common} for name in names])


def _view(server: Server, name: str) -> StreamView | None:
    return stream_view(server.broker, name)


def _is_live(server: Server, name: str) -> bool:
    view = _view(server, name)
    return view is not None and view.status is not None and view.status.state == "live" and view.status.faces > 0


def _fps(server: Server, name: str) -> float:
    view = _view(server, name)
    return view.status.fps if view is not None and view.status is not None else 0.0


def _run(context: Context) -> Result:
    clip = context.require(_CLIP)
    loads = []
    for count in _COUNTS_QUICK if context.quick else _COUNTS:
        context.say(f"  {count} streams")
        loads.append(_measure(context, count, clip))
    rows = [
        [
            str(load.streams),
            number(load.fps),
            number(load.mib_a_stream),
            number(load.usage.memory_mib),
            number(load.processors),
        ]
        for load in loads
    ]
    most = loads[-1]
    bars = [
        Bar(
            f"at most {_WANTED_MIB:g} MiB a stream with {most.streams}",
            f"{number(most.mib_a_stream)} MiB",
            most.mib_a_stream <= _WANTED_MIB,
        ),
        Bar(
            f"{most.streams} streams looked at {_FPS:g} times a second",
            f"{number(most.fps)} times",
            most.fps >= _NEARLY * _FPS,
        ),
    ]
    columns = ("streams", "looks a second, each", "MiB a stream", "MiB in all", "processors used")
    return Result([Table(f"640x360 at 30 frames a second, looked at {_FPS:g} times", columns, rows)], bars)


CASE = Case(
    "many-streams",
    45,
    "Many streams: memory and processor of one ingest host",
    "Looped files at their own pace, each in a capture process of one ingest, all faces judged by a worker without a "
    "model. Memory is the proportional set size (smaps_rollup) of all processes of ingest, supervisor and fork "
    "server included. One run; other load of the machine shows in the looks a second, not in the memory.",
    _run,
)
