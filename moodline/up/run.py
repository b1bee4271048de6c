"""The story of ``moodline up``."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from moodline import __version__
from moodline.broker import Broker, connect
from moodline.embedded import DEFAULT_MEMORY_BYTES, EmbeddedServer
from moodline.errors import BrokerError, BrokerUnavailableError
from moodline.lifecycle import stop_on_signals
from moodline.up.address import RunningUp, announced
from moodline.up.fleet import Fleet
from moodline.up.monitor import Monitor
from moodline.up.plan import Options, Plan, make_plan
from moodline.up.summary import print_summary, require_events
from moodline.up.view import Lines, LiveView, View

READY_WITHIN_S = 120.0
_BLOCK_MS = 200
_RETRY_S = 1.0
# All of it within ten seconds, Redis included.
_INGEST_STOPS_S = 3.0
_DRAINED_S = 2.0
_WORKERS_STOP_S = 2.0
_API_STOPS_S = 1.0


def run(options: Options) -> None:
    """Run everything until the recordings have ended, the duration is over or a signal asks to stop.

    Raises MoodlineError: what is wrong with the configuration or the machine, a service that cannot be kept
    alive, or NoEventsError when all went well but nothing came out of it.
    """
    stop = stop_on_signals()
    plan = make_plan(options)
    streams = [stream.id for stream in plan.streams]
    with ExitStack() as stack:
        server = _server(plan, stack)
        url = server.url if server else _configured_url(plan)
        broker = stack.enter_context(_connected(plan, url))
        stack.enter_context(announced(RunningUp(url, plan.api_port, streams)))
        view = stack.enter_context(_shown(plan))
        fleet = Fleet(plan, url, view.log, jobs_folder=stack.enter_context(_jobs_folder(plan)))
        stack.callback(fleet.kill)
        session = _Session(Monitor(broker, streams, added=server is not None), fleet, view, server, stop)
        try:
            session.start(all_recorded=bool(streams) and all(stream.recorded for stream in plan.streams))
            session.watch(options.duration_s)
        finally:
            session.finish()
        view.close()
        print_summary(session.monitor, session.monitor.streams, session.watched_s)
    if streams:
        require_events(session.monitor, streams)


class _Session:
    """One run from the first process to the last event."""

    def __init__(
        self, monitor: Monitor, fleet: Fleet, view: View, server: EmbeddedServer | None, stop: threading.Event
    ) -> None:
        self.monitor = monitor
        self.watched_s = 0.0
        self._fleet = fleet
        self._view = view
        self._server = server
        self._stop = stop
        self._broker_is_away = False

    def start(self, *, all_recorded: bool) -> None:
        """Start the services. A live stream's first faces would go stale while the worker warms up."""
        self._fleet.start_consumers()
        deadline = time.monotonic() + READY_WITHIN_S
        while not all_recorded and not self._stop.is_set() and time.monotonic() < deadline:
            if self._fleet.ready():
                break
            self._fleet.check()
            self._look()
        if not self._stop.is_set():
            self._fleet.start_ingest()

    def watch(self, duration_s: float | None) -> None:
        """Show what comes until there is a reason to stop."""
        started = time.monotonic()
        while not self._stop.is_set() and not self.monitor.finished:
            self.watched_s = time.monotonic() - started
            if duration_s is not None and self.watched_s >= duration_s:
                break
            self._look()
            self._fleet.check()

    def finish(self) -> None:
        """Stop in the order of the data: no new faces, then those that wait are worked off, and so on."""
        self.monitor.note_statuses()
        self._fleet.stop_ingest(_INGEST_STOPS_S)
        deadline = time.monotonic() + _DRAINED_S
        while time.monotonic() < deadline and not self._broker_is_away:
            self._look(fresh=True)
            if self.monitor.drained:
                break
        self._fleet.stop_workers(_WORKERS_STOP_S)
        while self._look(fresh=True):
            pass  # until the last event of the feed has been shown
        self._fleet.stop_api(_API_STOPS_S)

    def _look(self, *, fresh: bool = False) -> bool:
        """Show what has come and return whether anything has.

        A Redis that is away for a while is no reason to end: the services wait for it too.
        """
        try:
            events = self.monitor.poll(_BLOCK_MS)
            if fresh:
                self.monitor.refresh()
        except BrokerError as error:
            if self._server is not None and not self._server.running:
                raise BrokerUnavailableError("The embedded Redis server has ended unexpectedly.") from error
            if not self._broker_is_away:
                self._view.log("up", str(error))
            self._broker_is_away = True
            self._stop.wait(_RETRY_S)
            return False
        self._broker_is_away = False
        self._view.update(self.monitor, events)
        return bool(events)


def _server(plan: Plan, stack: ExitStack) -> EmbeddedServer | None:
    """Start the embedded server unless another one is configured."""
    redis = plan.settings.redis
    if redis.url is not None:
        return None
    memory = max(DEFAULT_MEMORY_BYTES, 2 * redis.partitions * redis.partition_max_bytes)
    return stack.enter_context(EmbeddedServer(memory_bytes=memory))


@contextmanager
def _jobs_folder(plan: Plan) -> Iterator[Path]:
    """Give handed-in videos and their results a place, which ends with the run where none is configured."""
    if plan.settings.jobs.folder is not None:
        yield plan.settings.jobs.folder
        return
    with tempfile.TemporaryDirectory(prefix="moodline-jobs-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _configured_url(plan: Plan) -> str:
    assert plan.settings.redis.url is not None  # noqa: S101 - the embedded server takes its place otherwise
    return plan.settings.redis.url.get_secret_value()


@contextmanager
def _connected(plan: Plan, url: str) -> Iterator[Broker]:
    broker = connect(plan.settings.redis.model_copy(update={"url": SecretStr(url)}))
    try:
        yield broker
    finally:
        broker.close()


@contextmanager
def _shown(plan: Plan) -> Iterator[View]:
    console = Console()
    heading = f"moodline {__version__}  ·  {plan.api_url}  ·  your own webcam: {plan.webcam_url}"
    view: View = Lines()
    if console.is_terminal:
        view = LiveView(console, heading)
    try:
        streams = ", ".join(stream.id for stream in plan.streams) or "the page for webcams"
        view.log("up", f"Starting {streams}; the API is at {plan.api_url}.")
        view.log("up", f"Your own webcam: {plan.webcam_url}")
        yield view
    finally:
        view.close()
