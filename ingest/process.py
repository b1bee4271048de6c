"""The capture process: what it sets up for itself before it reads its stream, and how it ends.

The supervisor's fork server imports this module before it forks, so that all capture processes
share its memory.
"""

import logging
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from ingest.capture import Capture
from ingest.job import MOST_MEMORY, CaptureJob
from ingest.link import EXIT_AGAIN, CaptureLink
from ingest.live_feed import SourceHungError
from ingest.native_stderr import NativeStderr
from moodline.errors import MoodlineError
from moodline.logs import configure_logs
from moodline.redact import hide
from moodline.tracing import make_tracing

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from ingest.beat import Beat

log = logging.getLogger(__name__)


def run_capture(job: CaptureJob, connection: "Connection[Beat, str]") -> None:
    """Read one stream to its end; the process's exit code is one of ``ingest.link``."""
    # Both reach the whole group or container. The supervisor gets them too, and stops its processes in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    limit_memory()
    offer_to_the_oom_killer()
    cv2.setNumThreads(1)
    hide(job.stream.url.get_secret_value(), job.hidden)
    native = NativeStderr(job.stream.url.get_secret_value())
    stream, logs = job.stream.id, job.log
    configure_logs(service=f"ingest/{stream}", level=logs.level, style=logs.format, fields={"stream": stream})
    link = CaptureLink(connection)
    tracing = make_tracing(job.tracing, "ingest")
    try:
        code = Capture(job, link, native_lines=native.take, tracing=tracing).run()
    except SourceHungError as hung:
        log.error("%s A new process reads on.", hung)  # noqa: TRY400 - the sentence says it all
        code = EXIT_AGAIN
    except MoodlineError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says it all
        code = EXIT_AGAIN
    except Exception:
        log.exception("Reading stream %s failed; a new process begins again.", job.stream.id)
        code = EXIT_AGAIN
    if tracing is not None:
        tracing.close()
    sys.stderr.flush()
    # Not sys.exit: it would wait for a thread that hangs in OpenCV.
    os._exit(code)


def offer_to_the_oom_killer() -> None:
    """Let the kernel end this process first where memory runs out: one stream begins again, and no other notices."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():  # Linux alone has it
        score.write_text("1000", encoding="ascii")


def limit_memory() -> None:
    """Let this process have MOST_MEMORY, or less where that is the limit already."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(MOST_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
