"""What taking a batch out of many streams costs the server, which does nothing else meanwhile."""

from datetime import timedelta

from bench.case import Bar, Case, Context, Result, Table
from bench.crowd import Crowd
from bench.samples import Samples
from bench.server import Server, private_server
from moodline.work_queue import WorkQueue

_ROOM = 128
_STREAMS = (200, 8, 1)
"""The bar is held against the first."""
_WANTED_MS = 5.0
_TAKES, _TAKES_QUICK = 20, 3


def _server_us(server: Server) -> int:
    with server.broker.errors():
        stats = server.broker.client.info("commandstats")
    found: int = stats["cmdstat_evalsha"]["usec"]
    return found


def _measure(streams: int, takes: int) -> float:
    """Return the milliseconds that one take holds the server, the mean of some."""
    with private_server() as server:
        Crowd(server.broker, streams).enqueue(_ROOM * takes)
        spent = 0
        for number in range(takes):
            queue = WorkQueue(
                server.broker, server.broker.all_keys()[0], worker=f"w{number}", lease=timedelta(minutes=1)
            )
            before = _server_us(server)
            take = queue.take(room=_ROOM, held={}, per_stream=max(_ROOM // streams, 1), alone_ok=False)
            spent += _server_us(server) - before
            for taken in take.taken:
                queue.drop(taken.hand, [(entry, "removed", "") for entry in taken.entries], release=True)
        return spent / takes / 1000


def _run(context: Context) -> Result:
    takes = _TAKES_QUICK if context.quick else _TAKES
    found: dict[int, list[float]] = {streams: [] for streams in _STREAMS}
    for repetition in range(context.repetitions):
        for streams, spent in found.items():
            context.say(f"  repetition {repetition + 1}, {streams} streams")
            spent.append(_measure(streams, takes))
    rows = [[str(streams), Samples.of(spent).text()] for streams, spent in found.items()]
    table = Table(f"A take of {_ROOM} crops", ("streams", "ms of the server's time"), rows)
    first = Samples.of(found[_STREAMS[0]])
    wanted = f"{_ROOM} crops from {_STREAMS[0]} streams in at most {_WANTED_MS:g} ms"
    return Result([table], [Bar(wanted, f"{first.text()} ms", first.median <= _WANTED_MS)])


CASE = Case(
    "take",
    32,
    "Take: what a batch out of many streams costs the server",
    f"The server's own count of the time that it spends in a take of {_ROOM} crops, of each stream as many as needed.",
    _run,
)
