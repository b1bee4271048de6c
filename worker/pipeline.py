"""The worker's three steps side by side: fetch the next batch, infer this one, commit the one before."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, Queue

import numpy as np

from moodline.broker import Broker
from moodline.metrics import Metrics
from moodline.settings import Settings
from moodline.streams import DropReason
from moodline.work_queue import CommitRules, WorkQueue
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
    """A batch that one model has judged, all of it; ``stale`` are the items that got too old before."""

    batch: Batch
    items: Sequence[Item]
    stale: Sequence[Item]
    probabilities: Probabilities
    inferred_ms: float
    classifier: Classifier


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
        self._settings = settings
        self._failure: BaseException | None = None
        sealer = broker.sealer()
        # Each partition has threads and a queue of its own: one whose node is away holds up no other.
        self._fetchers: dict[int, Fetcher] = {}
        self._inferred: dict[int, Queue[_Inferred | None]] = {}
        for keys in broker.all_keys():
            hands = Hands(WorkQueue(broker, keys, worker=worker, lease=settings.worker.hand_lease), metrics)
            self._fetchers[id(hands)] = Fetcher(hands, sealer, settings.worker, self._batches, stop)
            self._inferred[id(hands)] = Queue()

    def swap(self, classifier: Classifier) -> None:
        """Judge with another model from the next batch on. Any thread may call this."""
        self._classifier = classifier

    def run(self) -> None:
        """Work in this thread (inference) and in others (fetch, commit, sweep) until stopped."""
        fetching = [self._started(fetcher.run, "fetch") for fetcher in self._fetchers.values()]
        others = [self._started(partial(self._commit_all, number), "commit") for number in self._fetchers]
        others += [self._started(partial(self._sweep, fetcher), "sweep") for fetcher in self._fetchers.values()]
        self._metrics.gauge("worker_ready").set(1)
        try:
            while any(thread.is_alive() for thread in fetching) or not self._batches.empty():
                self._infer_next()
                if self._failure is not None:
                    break
        finally:
            self._stop.set()
            self._metrics.gauge("worker_ready").set(0)
            if self._failure is None:
                for inferred in self._inferred.values():
                    inferred.put(None)
            for thread in (*fetching, *others):
                thread.join(timeout=None if self._failure is None else 1)
        if self._failure is not None:
            raise self._failure

    def _infer_next(self) -> None:
        try:
            batch = self._batches.get(timeout=_POLL_S)
        except Empty:
            return
        classifier = self._classifier  # a swap meets whole batches only
        batch.items, stale = batch.split_stale()
        probabilities = self._predict(batch, classifier) if batch.items else np.empty((0, 0), np.float32)
        inferred = _Inferred(batch, batch.items, stale, probabilities, batch.since_taken_ms(), classifier)
        self._inferred[id(batch.hands)].put(inferred)

    def _predict(self, batch: Batch, classifier: Classifier) -> Probabilities:
        began = time.monotonic()
        probabilities = classifier.predict(batch.pixels())
        self._metrics.histogram("stage_seconds").labels("inference").observe(time.monotonic() - began)
        self._metrics.histogram("batch_size").observe(len(batch.items))
        self._metrics.counter("batches").inc()
        return probabilities

    def _commit_all(self, number: int) -> None:
        while (inferred := self._inferred[number].get()) is not None:
            self._fetchers[number].keep_trying(partial(self._commit, inferred))
            self._fetchers[number].batch_done()

    def _commit(self, done: _Inferred) -> None:
        """Commit a batch, stream by stream. Sent again as a whole after an error: nothing counts twice."""
        if done.stale:
            self._drop(done.batch, done.stale, "stale", "")
        if not done.items:
            return
        began = time.monotonic()
        rules = self._rules(done.classifier)
        finite: list[bool] = np.isfinite(done.probabilities.sum(axis=1)).tolist()
        crops = judged(
            done.items,
            done.probabilities,
            done.classifier,
            inferred_ms=done.inferred_ms,
            waited_ms=done.batch.since_taken_ms(),
        )
        for hand, positions in by_hand(done.items):
            bad = [done.items[position] for position in positions if not finite[position]]
            if bad:
                self._drop(done.batch, bad, "poison", "the model's answer is not a number")
            good = [position for position in positions if finite[position]]
            if done.batch.hands.commit(hand, [crops[position] for position in good], rules):
                self._count(done, good)
        self._metrics.histogram("stage_seconds").labels("commit").observe(time.monotonic() - began)

    def _count(self, done: _Inferred, positions: Sequence[int]) -> None:
        waited_ms = done.batch.since_taken_ms()
        stages = self._metrics.histogram("stage_seconds")
        for position in positions:
            item = done.items[position]
            emotion = done.classifier.labels[int(done.probabilities[position].argmax())]
            self._metrics.counter("events").labels(item.hand.stream, emotion).inc()
            entry = item.entry
            stages.labels("capture").observe(max(0.0, entry.age_ms - entry.queued_ms) / 1000)
            stages.labels("queue").observe(max(0.0, entry.queued_ms) / 1000)
            stages.labels("total").observe(max(0.0, entry.age_ms + waited_ms) / 1000)

    def _drop(self, batch: Batch, items: Sequence[Item], reason: DropReason, detail: str) -> None:
        for hand, positions in by_hand(items):
            batch.hands.drop(hand, [(items[position].entry, reason, detail) for position in positions])

    def _rules(self, classifier: Classifier) -> CommitRules:
        worker = self._settings.worker
        return CommitRules(
            labels=classifier.labels,
            model=classifier.tag,
            tau=worker.smoothing_tau,
            hysteresis=worker.hysteresis,
            resolutions=[(resolution.step, resolution.keep) for resolution in self._settings.summaries.resolutions],
        )

    def _sweep(self, fetcher: Fetcher) -> None:
        """Once a second."""
        while not self._stop.wait(1.0):
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
