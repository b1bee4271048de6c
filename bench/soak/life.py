"""What happens during a soak: streams come and go, workers end and start, models follow each other."""

import json
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.server import Server
from bench.steady_load import SteadyLoad
from bench.system import Worker
from moodline.manifest import MANIFEST_NAME
from moodline.purge import remove_stream
from moodline.settings import Settings
from moodline.streams import StreamStatus
from worker.model import find_model

_STREAMS = 4
_GONE = StreamStatus("stopped", "The soak has moved on.", "demo", "live")


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between one change of a kind and the next."""

    streams_s: float
    restart_s: float
    model_s: float

    @classmethod
    def of(cls, seconds: float) -> "Pace":
        """Return a pace at which a soak of that length sees each of them change often."""
        return cls(min(20.0, seconds / 10), min(60.0, seconds / 3), min(120.0, seconds / 3))


class Life:
    """Everything that changes. ``stays`` is a worker that runs from begin to end; another one is restarted."""

    def __init__(self, server: Server, start: Callable[[], Worker], model: Path, crops_per_s: float) -> None:
        self._server = server
        self._start = start
        self._model = model
        self._rate = crops_per_s
        self._number = 0
        self._gone: list[str] = []
        self._restarts = 0
        self.stays = start()
        self._other = start()

    def wait_ready(self) -> None:
        """Wait until both workers are warm."""
        self.stays.wait_ready()
        self._other.wait_ready()

    def live(self, seconds: float, pace: Pace, look: Callable[[], None], every_s: float) -> None:
        """Let all of it happen for that long, and look in between."""
        ends = time.monotonic() + seconds
        due = {self._restart: pace.restart_s, self._publish: pace.model_s, look: every_s}
        at = {act: time.monotonic() + every for act, every in due.items()}
        while time.monotonic() < ends:
            with self._streams():
                until = min(ends, time.monotonic() + pace.streams_s)
                while (now := time.monotonic()) < until:
                    for act, every in due.items():
                        if now >= at[act]:
                            act()
                            at[act] = now + every
                    time.sleep(0.1)

    def end(self) -> None:
        """Stop both workers."""
        self.stays.stop()
        self._other.stop()

    @contextmanager
    def _streams(self) -> Iterator[None]:
        """Streams with names of their own come, give crops, and go; those that went before are removed."""
        self._number += 1
        load = SteadyLoad(self._server.broker, _STREAMS, prefix=f"soak-{self._number}")
        with load.offering(self._rate):
            yield
        load.release(_GONE)
        for name in self._gone:
            remove_stream(self._server.broker, name)
        self._gone = load.names

    def _restart(self) -> None:
        """One worker ends, in order or not, and another takes its place."""
        self._restarts += 1
        if self._restarts % 2:
            self._other.signal(signal.SIGKILL)
        self._other.stop()
        self._other = self._start()

    def _publish(self) -> None:
        """Publish the same network under the next version."""
        file = self._model / MANIFEST_NAME
        manifest = json.loads(file.read_text("utf-8"))
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(manifest | {"version": manifest["version"] + 1}), "utf-8")
        fresh.replace(file)


@contextmanager
def model_copy() -> Iterator[Path]:
    """Give a copy of the shipped model that may be published again and again."""
    with tempfile.TemporaryDirectory(prefix="moodline-soak-") as folder:
        copy = Path(folder) / "model"
        shutil.copytree(find_model(Settings().worker.model), copy)
        yield copy


def environment(server: Server, model: Path, seconds: float) -> Mapping[str, str]:
    """Return settings under which all that is bounded reaches its bound within the soak."""
    step = max(1, round(seconds / 60))
    resolutions = [{"step": f"{step * n}s", "keep": f"{step * n * 5}s"} for n in (1, 2, 4)]
    return {
        **server.environment,
        "MOODLINE_WORKER__MODEL": str(model),
        "MOODLINE_REDIS__FEED_MAX_EVENTS": "500",
        "MOODLINE_SUMMARIES__RESOLUTIONS": json.dumps(resolutions),
        "MOODLINE_LOG__FORMAT": "text",
    }
