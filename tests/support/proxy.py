"""A TCP proxy between services and a server: slow when told so, and able to lead to another server."""

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self


class Proxy:
    """Forwards to ``target`` (a port on loopback); ``delay_s`` holds each piece up on its way to the server.

    While ``answers`` is not set, nothing comes back from there. While ``swallows`` is set, it takes connections and
    leads nowhere; these stay deaf for ever, as those that were there at ``swallow``.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay_s = 0.0
        self.answers = threading.Event()
        self.answers.set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self._open: set[socket.socket] = set()
        self._deaf: set[socket.socket] = set()
        self.swallows = False

    def swallow(self) -> None:
        """Forward no more, as a router does that has forgotten its connections: nobody is told."""
        self.swallows = True
        self._deaf |= self._open

    def cut(self) -> None:
        """Close all connections, as a load balancer does that changes its target."""
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.swallows:
                self._open.add(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._open |= {client, server}
            threading.Thread(target=self._forward, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._forward, args=(server, client, False), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, to_server: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if to_server and self.delay_s:
                    time.sleep(self.delay_s)
                if not to_server:
                    self.answers.wait()
                if sink in self._deaf:
                    continue
                sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self._open.discard(end)
