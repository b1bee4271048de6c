"""Ports for servers that a test starts."""

import itertools
import os
import random
import socket
from functools import cache
from typing import Final

_FIRST: Final = 10240
_EACH: Final = 1000
_TESTERS: Final = 22  # the last port is below 32768, where Linux begins to give ports to outgoing connections


def free_port() -> int:
    """Return a port of this machine that nobody listens on and that is not given to anybody else soon.

    A port that the system picks may be an outgoing connection's a moment later, before the server listens on it.
    """
    for port in itertools.islice(_ports(), _EACH):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise AssertionError(f"somebody listens on each of the {_EACH} ports of this tester")


@cache
def _ports() -> "itertools.cycle[int]":
    """Return this process's ports: those of its tester, from a random one on, since a tester has child processes."""
    first = _FIRST + _EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % _TESTERS)
    start = random.randrange(_EACH)
    return itertools.cycle(first + (start + number) % _EACH for number in range(_EACH))
