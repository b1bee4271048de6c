"""A server that gives everybody the same bytes, whatever was asked."""

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def odd_server(answer: bytes, *, endless: bytes = b"") -> Iterator[int]:
    """Yield the port; after ``answer`` comes ``endless`` over and over, or the end of the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_accept, args=(listening, answer, endless), daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket, answer: bytes, endless: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            threading.Thread(target=_talk, args=(listening.accept()[0], answer, endless), daemon=True).start()


def _talk(connection: socket.socket, answer: bytes, endless: bytes) -> None:
    with contextlib.suppress(OSError), connection:
        connection.recv(4096)
        connection.sendall(answer)
        while endless:
            connection.sendall(endless)
