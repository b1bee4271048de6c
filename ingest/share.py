"""Which ingest host reads which stream: everybody computes the same from the same, and nobody decides for others.

A stream stays where it is read. One that nobody reads goes to the host that reads least, and a host that reads at least
two more than another gives some up. What a host reads although it is unknown or does not want it is left alone until
its lease has ended.
"""

import hashlib
from collections.abc import Iterator, Mapping

Wishes = Mapping[str, frozenset[str]]
"""What each host would read."""


def assign(wishes: Wishes, readers: Mapping[str, str], *, settled: frozenset[str] | None = None) -> dict[str, str]:
    """Return the host that should read each stream, as far as one should.

    ``readers``: who reads a stream now. Only hosts that have ``settled`` (all, if None) get streams that another reads.
    """
    assigned = {stream: host for stream, host in readers.items() if stream in wishes.get(host, ())}
    load = dict.fromkeys(wishes, 0)
    for host in assigned.values():
        load[host] += 1
    wanted = frozenset().union(*wishes.values())
    for stream in sorted(wanted.difference(readers)):
        host = min(_willing(wishes, stream), key=lambda host: (load[host], _draw(stream, host)))
        assigned[stream] = host
        load[host] += 1
    takers = frozenset(wishes) if settled is None else settled.intersection(wishes)
    while move := _next_move(wishes, assigned, load, takers):
        stream, host = move
        load[assigned[stream]] -= 1
        load[host] += 1
        assigned[stream] = host
    return assigned


def _next_move(
    wishes: Wishes, assigned: Mapping[str, str], load: Mapping[str, int], takers: frozenset[str]
) -> tuple[str, str] | None:
    """Return the next stream that should move, and to whom; each move makes the loads more even."""
    for giver in sorted(load, key=lambda host: (-load[host], host)):
        for taker in sorted(takers, key=lambda host: (load[host], host)):
            # By one, a stream would only change sides.
            if load[giver] - load[taker] < 2:
                break
            for stream in sorted(assigned, key=lambda name: _draw(name, taker)):
                if assigned[stream] == giver and stream in wishes[taker]:
                    return stream, taker
    return None


def _willing(wishes: Wishes, stream: str) -> Iterator[str]:
    return (host for host, wanted in wishes.items() if stream in wanted)


def _draw(stream: str, host: str) -> bytes:
    """Return a lot that is the same for everybody, so that equal hosts are not always taken in the same order."""
    return hashlib.sha256(f"{stream}/{host}".encode()).digest()
