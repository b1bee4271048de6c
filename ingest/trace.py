"""The trace of one frame, from its capture until its crops are queued."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from moodline.crop import FrameCrops
from moodline.tracing import NS_PER_MS, Attributes, Tracing


@contextmanager
def traced(
    tracing: Tracing | None, frame: FrameCrops, *, stream: str, ids: Sequence[str], captured_s: float
) -> Iterator[FrameCrops]:
    """Yield the frame to deliver, which carries the context of its trace if it is one of those that are traced.

    ``ids`` are those of its crops, which are also their events'; ``captured_s`` is monotonic.
    """
    if tracing is None or not frame.crops or not tracing.takes_next():
        yield frame
        return
    captured_ns = time.time_ns() - round((time.monotonic() - captured_s) * 1e9)
    about: Attributes = {"stream": stream, "frame": frame.frame, "crops": ids}
    whole = tracing.start("ingest.frame", captured_ns, attributes=about)
    began_ns = captured_ns
    for stage in ("detect", "crop"):
        ended_ns = captured_ns + round(frame.stages[stage] * NS_PER_MS)
        tracing.add(f"ingest.{stage}", began_ns, ended_ns, within=whole.context, attributes={"stream": stream})
        began_ns = ended_ns
    enqueue = tracing.start("ingest.enqueue", began_ns, within=whole.context, attributes=about)
    try:
        yield replace(frame, trace=enqueue.context)
    finally:
        now_ns = time.time_ns()
        enqueue.end(now_ns)
        whole.end(now_ns)
