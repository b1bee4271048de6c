"""Which ports the services of one machine listen on."""

import socket
from collections.abc import Collection
from typing import IO

from moodline.errors import PortTakenError
from moodline.up.runtime import hold, runtime_directory

_TRIES = 100


def require_port(host: str, port: int, *, purpose: str, remedy: str) -> int:
    """Return ``port`` if it is free on ``host``; raise PortTakenError naming the remedy if it is not."""
    if not _is_free(host, port):
        raise PortTakenError(f"Port {port} on {host}, where {purpose} should listen, is in use: {remedy}.")
    return port


class ClaimedPorts:
    """Ports that this run has chosen. Other runs of this user pass them over, also before anything listens on them."""

    def __init__(self) -> None:
        self._held: dict[int, IO[str]] = {}

    def next_free(self, host: str, first: int, *, besides: Collection[int] = ()) -> int:
        """Claim and return the first free port from ``first`` on that is not in ``besides``.

        Raises PortTakenError.
        """
        last = min(first + _TRIES, 65_536)
        for port in range(first, last):
            if port not in besides and _is_free(host, port) and self._claim(port):
                return port
        raise PortTakenError(f"No port from {first} to {last - 1} is free on {host}: end what listens there.")

    def _claim(self, port: int) -> bool:
        directory = runtime_directory()
        if port in self._held or directory is None:
            return True
        file = hold(directory / f"port-{port}")
        if file is not None:
            self._held[port] = file
        return file is not None


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections still linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
