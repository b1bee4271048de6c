"""A real HTTP server of videos: an MJPEG camera at /cam.mjpg, and the files of a folder."""

import base64
import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import cv2

from ingest.sources.demo import portrait_path

_BOUNDARY = "frame"
_FRAME_S = 0.1


class HttpVideo:
    """Serves on loopback; the same object gets the same port again after ``kill``.

    With ``frames`` the camera hangs up after that many. ``user`` and ``password`` guard everything. Where ``most`` is
    set, files freeze after so many bytes. ``asked``: each path that was asked for, of a play list with its last line.
    """

    def __init__(self, folder: Path, *, user: str = "", password: str = "", frames: int | None = None) -> None:
        self.folder = folder
        self.frames = frames
        self.most: int | None = None
        self.asked: list[tuple[str, str]] = []
        self.expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else None
        self.stopped = threading.Event()
        self.port = 0
        self._server: _Server | None = None

    def start(self) -> Self:
        self.stopped.clear()
        self._server = _Server(("127.0.0.1", self.port), partial(_Handler, video=self, directory=str(self.folder)))
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def kill(self) -> None:
        """Hang up on everybody and listen no more."""
        self.stopped.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.hang_up()
            self._server.server_close()
            self._server = None

    def url(self, path: str = "/cam.mjpg", *, user: str = "", password: str = "") -> str:
        account = f"{user}:{password}@" if user else ""
        return f"http://{account}127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that it can hang up as a killed process would."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, video: HttpVideo, **more: Any) -> None:
        self._video = video
        super().__init__(*arguments, **more)

    def do_GET(self) -> None:
        if self._video.expected not in {None, self.headers.get("Authorization")}:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/cam.mjpg":
            self._show()
        else:
            self._video.asked.append((self.path, self._last_line() if self.path.endswith(".m3u8") else ""))
            super().do_GET()

    def _last_line(self) -> str:
        file = Path(self.translate_path(self.path))
        return file.read_text().splitlines()[-1] if file.exists() else ""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        if self._video.most is None:
            super().copyfile(source, outputfile)
        else:
            outputfile.write(source.read(self._video.most))
            self._video.stopped.wait()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _show(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.end_headers()
        picture = _portrait()
        head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n".encode()
        sent = 0
        while sent != self._video.frames and not self._video.stopped.wait(
            _FRAME_S if self._video.frames is None else 0
        ):
            try:
                self.wfile.write(head + picture + b"\r\n")
            except OSError:
                return
            sent += 1


def _portrait() -> bytes:
    pixels = cv2.resize(cast("Any", cv2.imread(str(portrait_path()))), (320, 384), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", pixels)[1].tobytes()
