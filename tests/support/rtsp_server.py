"""A real RTSP server (GStreamer's) that tests can start, freeze and kill."""

import signal
import subprocess
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.needs import missing

SYSTEM_PYTHON = "/usr/bin/python3"
_SCRIPT = Path(__file__).with_name("gst_rtsp.py")
_BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@cache
def _has_gstreamer() -> bool:
    done = subprocess.run([SYSTEM_PYTHON, "-c", _BINDINGS], capture_output=True, check=False)
    return done.returncode == 0


class RtspServer:
    """Serves one clip at ``/cam`` on loopback; the same object gets the same port again after ``kill``.

    Instead of a clip it takes what GStreamer shall send, as ``videotestsrc ! rtpgstpay``.
    """

    def __init__(self, clip: Path | str, *, user: str = "", password: str = "") -> None:
        if not Path(SYSTEM_PYTHON).exists() or not _has_gstreamer():
            missing("GStreamer's RTSP server (gir1.2-gst-rtsp-server-1.0 and python3-gi)")
        self._clip = clip
        self._account = f"{user}:{password}" if user else ""
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self, clip: Path | str | None = None) -> Self:
        """Start, with another clip if one is given, and wait until the port is open."""
        self._clip = clip or self._clip
        arguments = [SYSTEM_PYTHON, str(_SCRIPT), str(self.port), str(self._clip)]
        self._process = subprocess.Popen(
            arguments + [self._account] * bool(self._account), stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def url(self, path: str = "/cam", *, user: str = "", password: str = "") -> str:
        """Return the address of the clip, or of another path."""
        account = f"{user}:{password}@" if user else ""
        return f"rtsp://{account}127.0.0.1:{self.port}{path}"

    def freeze(self) -> None:
        """Stop answering in mid-stream, connections left open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on where it was frozen."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End at once."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
