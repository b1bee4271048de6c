"""Runs one capture process a stream and keeps them running; one bad stream never stops the rest.

Which streams these are may change at any time: with the configuration file, with what is added at run time, and with
the ingest hosts that come and go. Every change touches only the streams that it is about.
"""

import logging
import multiprocessing
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import connection, forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final

from ingest.browser import BrowserWebcams
from ingest.duty import Duty
from ingest.job import PROCESS_ENVIRONMENT, CaptureJob
from ingest.roster import Roster, Snapshot
from ingest.slot import ORDERLY_S, Slot
from ingest.wanted import Wanted
from moodline.lifecycle import STOP_WITHIN_S
from moodline.metrics import Metrics
from moodline.redact import hidden_in
from moodline.settings import Settings, StreamSettings
from moodline.streams import Once
from moodline.webcams import webcam_template

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.25

FindModel = Callable[[], Path | None]


class Supervisor:
    """The capture processes of the streams that this host reads."""

    def __init__(
        self, settings: Settings, *, find_yunet: FindModel, metrics: Metrics, file: str = "", alone: bool = False
    ) -> None:
        """``file``: where the settings' streams stand, for people; ``alone``: only these are read."""
        self._settings = settings
        self._find_yunet = find_yunet
        self._metrics = metrics
        self._context = fork_server()
        # The random part tells hosts apart that were given one name: each is process 1 of its container.
        name = settings.ingest.host or socket.gethostname()
        self._owner = f"{name}/{os.getpid()}-{secrets.token_hex(2)}"
        self._roster = Roster(settings, self._owner)
        self._duty = Duty(self._owner, settings, file=file, alone=alone)
        self._slots: dict[str, Slot] = {}
        self._webcams = self._browsers() if not alone else None
        self._has_failed = False
        metrics.gauge("streams_read").set_function(lambda: len(self._slots))

    def take(self, streams: tuple[StreamSettings, ...]) -> None:
        """Read these streams of the configuration file from now on; from any thread."""
        self._duty.of_file = streams

    def run(self, stop: threading.Event, *, exit_when_ended: bool) -> bool:
        """Run until ``stop`` is set, then stop all processes in order.

        With ``exit_when_ended`` it is also over when every stream has ended. Returns whether none
        has failed for good.
        """
        self._roster.start()
        if self._webcams:
            self._webcams.start()
        try:
            while not stop.is_set():
                self._follow_on()
                for slot in self._slots.values():
                    slot.step()
                self._clear()
                if self._webcams:
                    self._webcams.step()
                if exit_when_ended and not self._slots and self._duty.all_ended:
                    break
                self._wait(stop)
            self._stop()
        finally:
            for slot in self._all_slots():
                if slot.process is not None:
                    slot.process.kill()
            # Whoever asked to stop waits for it; the end of all streams has time.
            self._roster.end(within_s=1.0 if stop.is_set() else STOP_WITHIN_S)
        return not self._has_failed

    def _follow_on(self) -> None:
        """Follow, whatever stands in Redis: the streams that are read go on."""
        try:
            self._follow()
        except Exception:
            log.exception("What is to be read could not be told; the streams that are read go on.")

    def _follow(self) -> None:
        """Do what the file, Redis and the other hosts ask for now."""
        snapshot = self._roster.latest
        if snapshot is None or not self._duty.update(snapshot):
            return
        self._roster.tell(self._duty.host())
        for stream, slot in self._slots.items():
            if why := self._duty.why_not(stream, slot.job.stream, slot.job.declared, since_s=slot.made_s):
                slot.leave(why)
        for wanted in self._duty.to_start():
            if wanted.stream.id not in self._slots:
                self._slots[wanted.stream.id] = Slot(self._context, self._job(wanted, snapshot), self._metrics)

    def _clear(self) -> None:
        """Take what is over off the list; the next look at Redis says who goes on with it."""
        for stream, slot in list(self._slots.items()):
            if slot.finished:
                del self._slots[stream]
                self._has_failed |= slot.failed
                slot.forget(is_gone=not self._duty.knows(stream))
                if slot.gave_up:
                    self._roster.leave_word(slot.job, slot.gave_up)
                self._duty.over(slot.job.stream, slot.job.declared, failed=slot.failed, ended=slot.ended)
                self._roster.look_soon()

    def _all_slots(self) -> list[Slot]:
        return [*self._slots.values(), *(self._webcams.slots if self._webcams else ())]

    def _browsers(self) -> BrowserWebcams:
        """Return what reads browsers' webcams. In the metrics they count as one, or they would grow with visitors."""
        template = webcam_template(self._settings)

        def slot_of(stream: StreamSettings) -> Slot:
            job = self._job_of(stream)
            return Slot(self._context, job, self._metrics, label=template.id)

        return BrowserWebcams(self._settings.redis, template, owner=self._owner, make_slot=slot_of)

    def _job(self, wanted: Wanted, snapshot: Snapshot) -> CaptureJob:
        once = Once(wanted.key, snapshot.began_ms) if wanted.stream.recorded else None
        return replace(self._job_of(wanted.stream), declared=wanted.declared, once=once)

    def _job_of(self, stream: StreamSettings) -> CaptureJob:
        settings = self._settings
        return CaptureJob(
            stream,
            settings.ingest,
            settings.redis,
            settings.log,
            self._owner,
            yunet_model=self._find_yunet() if stream.detector != "haar" else None,
            tracing=settings.tracing,
            hidden=hidden_in(stream.url.get_secret_value()),
        )

    def _wait(self, stop: threading.Event) -> None:
        """Wait until a process says something or ends, or for a moment."""
        ends = [slot.process.connection for slot in self._all_slots() if slot.process is not None]
        if ends:
            connection.wait(ends, _LOOK_S)
        else:
            stop.wait(_LOOK_S)

    def _stop(self) -> None:
        deadline = time.monotonic() + ORDERLY_S
        if self._webcams:
            self._webcams.stop()
        processes = [(slot, slot.process) for slot in self._all_slots() if slot.process is not None]
        for _, process in processes:
            process.ask_to_stop()
        for slot, process in processes:
            process.wait(deadline - time.monotonic())
            slot.close(process)


def fork_server() -> ForkServerContext:
    """Return the context whose server imports everything that a capture process needs, from now on."""
    for name, value in PROCESS_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ingest.process"])
    # Not only with the first stream, which may be one that has lost its reader and waits.
    forkserver.ensure_running()
    return context
