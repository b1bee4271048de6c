"""A crop's trace goes on in the worker: how long it waited, its batch, its commit or its drop."""

import time
from collections.abc import Iterable

from moodline.streams import DropReason
from moodline.tracing import NS_PER_MS, Tracing
from worker.batch import Batch, Item


class WorkTraces:
    """Writes down what has become of crops that carry a trace."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def committed(
        self, batch: Batch, items: Iterable[Item], *, inference_ms: tuple[float, float], commit_ms: float, model: str
    ) -> None:
        """Crops have become events just now. All times count from when the batch was taken."""
        taken_ns, now_ns = _taken_ns(batch), time.time_ns()
        began_ns, ended_ns = (taken_ns + round(ms * NS_PER_MS) for ms in inference_ms)
        for item in items:
            if (trace := item.crop.trace) is None:
                continue
            self._waited(item, trace, taken_ns)
            about = {**_about(item), "model": model, "batch_size": len(batch.items)}
            self._tracing.add("worker.infer", began_ns, ended_ns, within=trace, attributes=about)
            commit_ns = taken_ns + round(commit_ms * NS_PER_MS)
            self._tracing.add("worker.commit", commit_ns, now_ns, within=trace, attributes=about)

    def dropped(self, batch: Batch, items: Iterable[Item], reason: DropReason) -> None:
        """Crops have ended without an event just now."""
        taken_ns, now_ns = _taken_ns(batch), time.time_ns()
        for item in items:
            if (trace := item.crop.trace) is None:
                continue
            self._waited(item, trace, taken_ns)
            about = {**_about(item), "reason": reason}
            self._tracing.add("worker.drop", taken_ns, now_ns, within=trace, attributes=about)

    def _waited(self, item: Item, trace: str, taken_ns: int) -> None:
        began_ns = taken_ns - round(item.entry.queued_ms * NS_PER_MS)
        self._tracing.add("queue", began_ns, taken_ns, within=trace, attributes=_about(item))


def _about(item: Item) -> dict[str, str | int]:
    """The crop's id is also its event's."""
    return {"stream": item.hand.stream, "crop": item.crop.id, "track": item.crop.track}


def _taken_ns(batch: Batch) -> int:
    return time.time_ns() - round(batch.since_taken_ms() * NS_PER_MS)
