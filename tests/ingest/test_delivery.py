"""Frames on their way to the queue: what a lost reply changes, and what does not hold up the end."""

import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from ingest.delivery import Delivery
from ingest.pace import Pace
from ingest.progress import Progress
from ingest.pulse import Pulse
from moodline.broker import Broker
from moodline.errors import BrokerUnavailableError
from tests.support.brokers import frame_of, live_stream
from tests.support.queues import ledger_of, reader_of
from tests.support.repository import ROOT


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_crop_whose_reply_was_lost_is_counted_once(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    stream = live_stream(max_age="60s")
    progress, pulse = Progress(stream), Pulse(threading.Event(), lambda: None, interval_s=60)
    pace = Pace(max_age_s=60, began_s=time.monotonic())
    delivery = Delivery(reader_of(broker), stream, progress, pulse, pace)
    real, calls = broker.run, iter(range(1000))

    def run(*args: Any, **kwargs: Any) -> Any:
        reply = real(*args, **kwargs)
        if next(calls) < lost:
            raise BrokerUnavailableError("the reply was lost")
        return reply

    monkeypatch.setattr(broker, "run", run)
    for number in range(3):
        assert delivery.deliver(frame_of(number, faces=2), captured_s=time.monotonic())
    monkeypatch.undo()
    assert progress.crops == ledger_of(broker).accepted == 6
    assert not progress.skipped["admission"]


STUCK = """
import multiprocessing.process, runpy, sys, time, types
import ingest.child
kept = types.SimpleNamespace(terminate=lambda: None, poll=lambda: None)
class Stuck:
    daemon, exitcode, name, _popen = True, None, "stuck", kept
    def join(self):
        time.sleep(600)
stuck = Stuck()
multiprocessing.process._children.add(stuck)
ingest.child._parked.append(stuck)
sys.argv = ["ingest", "--config", "no-such-file.yaml"]
runpy.run_module("ingest", run_name="__main__", alter_sys=True)
"""


def test_a_process_that_the_kernel_does_not_let_go_does_not_hold_up_the_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUCK], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 2
    assert "there is no such file" in done.stderr
