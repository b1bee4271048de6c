"""Runs one capture process a stream and keeps them running; one bad stream never stops the rest."""

import logging
import multiprocessing
import os
import socket
import threading
import time
from multiprocessing import connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final

from ingest.browser import BrowserWebcams
from ingest.job import PROCESS_ENVIRONMENT, CaptureJob
from ingest.slot import Slot
from moodline.lifecycle import STOP_WITHIN_S
from moodline.metrics import Metrics
from moodline.settings import Settings, StreamSettings
from moodline.webcams import webcam_template

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.25
# What is left of the time to stop is for killing and clearing up.
_ORDERLY_S: Final = STOP_WITHIN_S - 2.0


class Supervisor:
    """The capture processes of all enabled streams."""

    def __init__(self, settings: Settings, *, yunet_model: Path | None, metrics: Metrics) -> None:
        context = _fork_server()
        owner = f"{settings.ingest.host or socket.gethostname()}/{os.getpid()}"

        def slot_of(stream: StreamSettings, label: str) -> Slot:
            job = CaptureJob(stream, settings.ingest, settings.redis, settings.log, owner, yunet_model)
            return Slot(context, job, metrics, label=label)

        template = webcam_template(settings)
        # All webcams count as one in the metrics, which would grow with every visitor otherwise.
        self._webcams = BrowserWebcams(
            settings.redis, template, owner=owner, make_slot=lambda stream: slot_of(stream, template.id)
        )
        declared = (stream for stream in settings.streams if stream.enabled and stream.kind != "browser")
        self._slots = [slot_of(stream, stream.id) for stream in declared]

    def run(self, stop: threading.Event, *, exit_when_ended: bool) -> bool:
        """Run until ``stop`` is set, then stop all processes in order.

        With ``exit_when_ended`` it is also over when every stream has ended. Returns whether none
        has failed for good.
        """
        self._webcams.start()
        try:
            while not stop.is_set():
                for slot in self._slots:
                    slot.step()
                self._webcams.step()
                if exit_when_ended and all(slot.finished for slot in self._slots):
                    break
                self._wait(stop)
            self._stop()
        finally:
            for slot in self._all_slots:
                if slot.process is not None:
                    slot.process.kill()
        return not any(slot.failed for slot in self._slots)

    @property
    def _all_slots(self) -> list[Slot]:
        return [*self._slots, *self._webcams.slots]

    def _wait(self, stop: threading.Event) -> None:
        """Wait until a process says something or ends, or for a moment."""
        ends = [slot.process.connection for slot in self._all_slots if slot.process is not None]
        if ends:
            connection.wait(ends, _LOOK_S)
        else:
            stop.wait(_LOOK_S)

    def _stop(self) -> None:
        self._webcams.stop()
        deadline = time.monotonic() + _ORDERLY_S
        processes = [(slot, slot.process) for slot in self._all_slots if slot.process is not None]
        for _, process in processes:
            process.ask_to_stop()
        for slot, process in processes:
            process.wait(deadline - time.monotonic())
            slot.close(process)


def _fork_server() -> ForkServerContext:
    """Return the context whose server has imported everything that a capture process needs."""
    for name, value in PROCESS_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ingest.process"])
    return context
