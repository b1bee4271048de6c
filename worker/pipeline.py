"""The worker's three steps side by side: fetch the next batch, infer this one, commit the one before."""

import logging
import math
import threading
import time
from collections import Counter
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
from moodline.tracing import Tracing
from moodline.work_queue import CommitRules, Hand, WorkQueue
from worker.batch import Batch, Item, Usual, by_hand
from worker.engines.base import Probabilities
from worker.fetch import Fetcher
from worker.hands import Hands
from worker.judgement import judged
from worker.model import Classifier
from worker.trace import WorkTraces

log = logging.getLogger(__name__)

_POLL_S = 0.2


@dataclass(slots=True)
class _Inferred:
    """A batch that one model has judged, all of it. ``stale`` and ``left`` are what is still to be ended, by hand."""

    batch: Batch
    probabilities: Probabilities
    began_ms: float
    inferred_ms: float
    classifier: Classifier
    stale: list[tuple[Hand, list[Item]]]
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
        tracing: Tracing | None = None,
    ) -> None:
        self._classifier = classifier
        self._traces = WorkTraces(tracing) if tracing is not None else None
        self._metrics = metrics
        self._stop = stop
        self._batches: Queue[Batch] = Queue()
        self._settings = settings
        self._failure: BaseException | None = None
        self._late_at = math.inf
        self._usual = Usual()
        sealer, alone = broker.sealer(), threading.Lock()
        # Each partition has threads and a queue of its own: one whose node is away holds up no other.
        self._fetchers: dict[int, Fetcher] = {}
        self._inferred: dict[int, Queue[_Inferred | None]] = {}
        for keys in broker.all_keys():
            hands = Hands(WorkQueue(broker, keys, worker=worker, lease=settings.worker.hand_lease), metrics)
            self._fetchers[id(hands)] = Fetcher(
                hands, sealer, settings.worker, batches=self._batches, stop=stop, alone=alone
            )
            self._inferred[id(hands)] = Queue()  # bounded by the fetcher's slots

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
                if self._failure is not None or self._is_late():
                    break
        finally:
            self._stop.set()
            self._metrics.gauge("worker_ready").set(0)
            if self._failure is None:
                for inferred in self._inferred.values():
                    inferred.put(None)
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
        classifier = self._classifier  # a swap meets whole batches only
        batch.items, stale = batch.split_stale(self._usual.ms)
        inferred = _Inferred(
            batch=batch,
            began_ms=batch.since_taken_ms(),
            probabilities=self._predict(batch, classifier) if batch.items else np.empty((0, 0), np.float32),
            inferred_ms=batch.since_taken_ms(),
            classifier=classifier,
            stale=[(hand, [stale[position] for position in positions]) for hand, positions in by_hand(stale)],
            left=list(by_hand(batch.items)),
        )
        self._inferred[id(batch.hands)].put(inferred)

    def _predict(self, batch: Batch, classifier: Classifier) -> Probabilities:
        began = time.monotonic()
        probabilities = classifier.predict(batch.pixels())
        self._metrics.histogram("stage_seconds").labels("inference").observe(time.monotonic() - began)
        self._metrics.histogram("batch_size").observe(len(batch.items))
        self._metrics.counter("batches").inc()
        return probabilities

    def _commit_all(self, number: int) -> None:
        fetcher = self._fetchers[number]
        while (inferred := self._inferred[number].get()) is not None:
            fetcher.keep_trying(partial(self._end_stale, inferred))
            if inferred.batch.items:
                fetcher.keep_trying(partial(self._commit, inferred))
                self._usual.took((inferred.batch.since_taken_ms() - inferred.began_ms) / 1000)
            fetcher.batch_done(inferred.batch)

    def _end_stale(self, done: _Inferred) -> None:
        while done.stale:
            self._drop(done.batch, *done.stale[0], "stale", "")
            del done.stale[0]

    def _commit(self, done: _Inferred) -> None:
        """Commit a batch. After an error all that is left is sent again: nothing counts twice."""
        began = time.monotonic()
        items, rules = done.batch.items, self._rules(done.classifier)
        self._end_unjudged(done)
        waited_ms = done.batch.since_taken_ms()
        crops = judged(items, done.probabilities, done.classifier, inferred_ms=done.inferred_ms, waited_ms=waited_ms)
        parts = [(hand, [crops[position] for position in positions]) for hand, positions in done.left]
        for (_, positions), events in zip(done.left, done.batch.hands.commit_each(parts, rules), strict=True):
            if events:
                self._count(done, positions)
                self._trace(done, positions, waited_ms)
        self._metrics.histogram("stage_seconds").labels("commit").observe(time.monotonic() - began)

    def _end_unjudged(self, done: _Inferred) -> None:
        """Drop what the model did not answer with numbers."""
        if np.isfinite(done.probabilities).all():
            return
        finite: list[bool] = np.isfinite(done.probabilities.sum(axis=1)).tolist()
        for number, (hand, positions) in enumerate(done.left):
            bad = [done.batch.items[position] for position in positions if not finite[position]]
            if bad:
                self._drop(done.batch, hand, bad, "poison", "the model's answer is not a number")
                done.left[number] = hand, [position for position in positions if finite[position]]
        done.left = [(hand, positions) for hand, positions in done.left if positions]

    def _rules(self, classifier: Classifier) -> CommitRules:
        worker = self._settings.worker
        return CommitRules(
            labels=classifier.labels,
            model=classifier.tag,
            tau=worker.smoothing_tau,
            hysteresis=worker.hysteresis,
            resolutions=[(resolution.step, resolution.keep) for resolution in self._settings.summaries.resolutions],
        )

    def _count(self, done: _Inferred, positions: Sequence[int]) -> None:
        if log.isEnabledFor(logging.DEBUG):
            stream, ids = done.batch.items[positions[0]].hand.stream, [done.batch.items[at].crop.id for at in positions]
            log.debug("Committed %d events of stream %s.", len(ids), stream, extra={"stream": stream, "events": ids})
        waited_ms = done.batch.since_taken_ms()
        stages = self._metrics.histogram("stage_seconds")
        best = done.probabilities.argmax(axis=1).tolist()
        for emotion, count in Counter(best[position] for position in positions).items():
            stream = done.batch.items[positions[0]].hand.stream
            self._metrics.counter("events").labels(stream, done.classifier.labels[emotion]).inc(count)
        entries = [done.batch.items[position].entry for position in positions]
        stages.labels("capture").observe_all([max(0.0, entry.age_ms - entry.queued_ms) / 1000 for entry in entries])
        stages.labels("queue").observe_all([max(0.0, entry.queued_ms) / 1000 for entry in entries])
        stages.labels("total").observe_all([max(0.0, entry.age_ms + waited_ms) / 1000 for entry in entries])

    def _trace(self, done: _Inferred, positions: Sequence[int], began_ms: float) -> None:
        if self._traces is not None:
            items = [done.batch.items[position] for position in positions]
            inference_ms, model = (done.began_ms, done.inferred_ms), done.classifier.tag
            self._traces.committed(done.batch, items, inference_ms=inference_ms, commit_ms=began_ms, model=model)

    def _drop(self, batch: Batch, hand: Hand, items: Sequence[Item], reason: DropReason, detail: str) -> None:
        batch.hands.drop(hand, [(item.entry, reason, detail) for item in items])
        for item in items if log.isEnabledFor(logging.DEBUG) else ():
            about = {"stream": hand.stream, "crop": item.crop.id, "reason": reason}
            log.debug("Dropped a crop of stream %s as %s.", hand.stream, reason, extra=about)
        if self._traces is not None:
            self._traces.dropped(batch, items, reason)

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
