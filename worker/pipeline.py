"""The worker's three steps side by side: fetch the next batch, infer this one, commit the one before."""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, Queue

import numpy as np

from moodline.broker import Broker
from moodline.lifecycle import STOP_WITHIN_S
from moodline.metrics import Metrics
from moodline.settings import Settings
from moodline.streams import DropReason
from moodline.work_queue import CommitRules, Hand, WorkQueue
from worker.batch import Batch, Item, by_hand
from worker.engines.base import Probabilities
from worker.fetch import Fetcher
from worker.hands import Hands
from worker.judgement import judged
from worker.model import Classifier

log = logging.getLogger(__name__)

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class _Inferred:
    batch: Batch
    items: Sequence[Item]
    probabilities: Probabilities
    inferred_ms: float
    left: list[tuple[Hand, list[int]]]


class Pipeline:
    """Runs until ``stop`` is set, then finishes what is in work and gives every hand back."""

    def __init__(
        self,
        broker: Broker,
        settings: Settings,
        classifier: Classifier,
        *,
        worker: str,
        metrics: Metrics,
        stop: threading.Event,
    ) -> None:
        self._classifier = classifier
        self._metrics = metrics
        self._stop = stop
        self._batches: Queue[Batch] = Queue()
        self._inferred: Queue[_Inferred | None] = Queue()  # bounded by the fetchers' slots
        self._rules = CommitRules(
            labels=classifier.labels,
            model=classifier.tag,
            tau=settings.worker.smoothing_tau,
            hysteresis=settings.worker.hysteresis,
            resolutions=[(resolution.step, resolution.keep) for resolution in settings.summaries.resolutions],
        )
        self._failure: BaseException | None = None
        self._late_at = math.inf
        sealer = broker.sealer()
        self._fetchers: dict[int, Fetcher] = {}
        for keys in broker.all_keys():
            hands = Hands(WorkQueue(broker, keys, worker=worker, lease=settings.worker.hand_lease), metrics)
            self._fetchers[id(hands)] = Fetcher(hands, sealer, settings.worker, self._batches, stop)

    def run(self) -> None:
        """Work in this thread (inference) and in others (fetch, commit, sweep) until stopped."""
        fetching = [self._started(fetcher.run, "fetch") for fetcher in self._fetchers.values()]
        others = [self._started(self._commit_all, "commit"), self._started(self._sweep, "sweep")]
        self._metrics.gauge("worker_ready").set(1)
        try:
            while any(thread.is_alive() for thread in fetching) or not self._batches.empty():
                self._infer_next()
                if self._failure is not None or self._is_late():
                    break
        finally:
            self._stop.set()
            self._metrics.gauge("worker_ready").set(0)
            if self._failure is None:
                self._inferred.put(None)
            self._is_late()
            ends = self._late_at if self._failure is None else time.monotonic() + 1
            for thread in (*fetching, *others):
                thread.join(max(0.0, ends - time.monotonic()))
        if self._failure is not None:
            raise self._failure

    def _is_late(self) -> bool:
        """Whether a stop has taken so long that what is in work is left to the next worker."""
        if self._stop.is_set() and self._late_at == math.inf:
            self._late_at = time.monotonic() + STOP_WITHIN_S - 2
        return time.monotonic() > self._late_at

    def _infer_next(self) -> None:
        try:
            batch = self._batches.get(timeout=_POLL_S)
        except Empty:
            return
        items, stale = batch.split_stale()
        if stale:
            self._fetchers[id(batch.hands)].keep_trying(partial(self._drop, batch, stale, "stale", ""))
        if not items:
            self._done(batch)
            return
        batch.items = items
        self._inferred.put(_Inferred(batch, items, self._predict(batch), batch.since_taken_ms(), list(by_hand(items))))

    def _predict(self, batch: Batch) -> Probabilities:
        began = time.monotonic()
        probabilities = self._classifier.predict(batch.pixels())
        self._metrics.histogram("stage_seconds").labels("inference").observe(time.monotonic() - began)
        self._metrics.histogram("batch_size").observe(len(batch.items))
        self._metrics.counter("batches").inc()
        return probabilities

    def _commit_all(self) -> None:
        while (inferred := self._inferred.get()) is not None:
            self._fetchers[id(inferred.batch.hands)].keep_trying(partial(self._commit, inferred))
            self._done(inferred.batch)

    def _commit(self, done: _Inferred) -> None:
        """Commit a batch, stream by stream. Sent again as a whole after an error: nothing counts twice."""
        began = time.monotonic()
        finite: list[bool] = np.isfinite(done.probabilities.sum(axis=1)).tolist()
        crops = judged(
            done.items,
            done.probabilities,
            self._classifier,
            inferred_ms=done.inferred_ms,
            waited_ms=done.batch.since_taken_ms(),
        )
        while done.left:
            hand, positions = done.left[0]
            bad = [done.items[position] for position in positions if not finite[position]]
            if bad:
                self._drop(done.batch, bad, "poison", "the model's answer is not a number")
            good = [position for position in positions if finite[position]]
            if done.batch.hands.commit(hand, [crops[position] for position in good], self._rules):
                self._count(done, good)
            del done.left[0]  # what is done is not ended twice when a later stream fails
        self._metrics.histogram("stage_seconds").labels("commit").observe(time.monotonic() - began)

    def _count(self, done: _Inferred, positions: Sequence[int]) -> None:
        waited_ms = done.batch.since_taken_ms()
        stages = self._metrics.histogram("stage_seconds")
        for position in positions:
            item = done.items[position]
            emotion = self._classifier.labels[int(done.probabilities[position].argmax())]
            self._metrics.counter("events").labels(item.hand.stream, emotion).inc()
            entry = item.entry
            stages.labels("capture").observe(max(0.0, entry.age_ms - entry.queued_ms) / 1000)
            stages.labels("queue").observe(max(0.0, entry.queued_ms) / 1000)
            stages.labels("total").observe(max(0.0, entry.age_ms + waited_ms) / 1000)

    def _drop(self, batch: Batch, items: Sequence[Item], reason: DropReason, detail: str) -> None:
        for hand, positions in by_hand(items):
            batch.hands.drop(hand, [(items[position].entry, reason, detail) for position in positions])

    def _done(self, batch: Batch) -> None:
        self._fetchers[id(batch.hands)].batch_done(batch)

    def _sweep(self) -> None:
        """Once a second, in each partition."""
        while not self._stop.wait(1.0):
            for fetcher in self._fetchers.values():
                fetcher.keep_trying(fetcher.sweep)

    def _started(self, target: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=self._guarded, args=(target,), name=name, daemon=True)
        thread.start()
        return thread

    def _guarded(self, target: Callable[[], None]) -> None:
        """A thread that fails takes the process with it: half a worker would hold its hands and do nothing."""
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - it is raised again by the main thread
            self._failure = error
            self._stop.set()
