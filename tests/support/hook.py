"""A receiver of webhooks."""

import hashlib
import hmac
import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Hook:
    """Answers with each of `answers` in turn, and then takes all.

    A redirection leads to a place that would take everything.
    """

    def __init__(self, secret: bytes, answers: Sequence[int]) -> None:
        self.taken: list[str] = []
        self.asked: list[str] = []
        self.led_astray = False
        hook, left = self, list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signed = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest() if secret else None
                assert self.headers["X-Moodline-Signature"] == signed
                event_id = json.loads(body)["id"]
                assert self.headers["Idempotency-Key"] == event_id
                hook.asked.append(event_id)
                status = left.pop(0) if left else 204
                if status == 204:
                    hook.taken.append(event_id)
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def do_GET(self) -> None:
                hook.led_astray = True
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
