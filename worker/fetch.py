"""Fetches the next batch of one partition while the one before is in inference."""

import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from queue import Queue

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_when_event_set, wait_random_exponential

from moodline.crop import decode_crop
from moodline.errors import BrokerError, PoisonCropError, UnreadableCropError
from moodline.sealing import Sealer
from moodline.settings import WorkerSettings
from moodline.streams import DropReason
from moodline.work_queue import Entry, Take, Taken
from worker.batch import Batch, Item, Usual
from worker.hands import Hands

log = logging.getLogger(__name__)

_SLOTS = 2
_SAY_AGAIN_S = 60.0
IDLE_WAIT = timedelta(seconds=1)
"""Longest block on the bell: shorter than any socket timeout, and often enough to renew hands."""


def per_turn(batch_size: int) -> int:
    """Return how many crops a stream may have in a batch: half, so that one busy stream leaves room for others."""
    return max(1, batch_size // 2)


class Fetcher:
    """One thread a partition: waits for the bell, takes, decodes, and hands batches on."""

    def __init__(
        self,
        hands: Hands,
        sealer: Sealer,
        settings: WorkerSettings,
        *,
        batches: Queue[Batch],
        stop: threading.Event,
        alone: threading.Lock,
    ) -> None:
        """``alone`` is shared by all partitions: whoever holds it may try a suspect."""
        self._hands = hands
        self._sealer = sealer
        self._settings = settings
        self._batches = batches
        self._stop = stop
        # One batch in inference and one prefetched: more would only grow old in this process.
        self._slots = threading.Semaphore(_SLOTS)
        self._reserved = 0
        self._renew_every = settings.hand_lease.total_seconds() / 3
        self._idle_wait = min(IDLE_WAIT, settings.hand_lease / 3)
        self._per_stream = per_turn(settings.batch_size)
        self._usual = Usual()
        self._alone = alone
        self._may_be_alone = False
        self._alone_waits = False
        self._said_at: dict[tuple[str, DropReason], float] = {}

    def run(self) -> None:
        """Fetch until told to stop. Redis may go away and come back meanwhile."""
        while not self._stop.is_set():
            self.keep_trying(self._fetch_one)

    def batch_done(self, batch: Batch) -> None:
        """Make room for the next batch."""
        if batch.items:
            self._usual.took(batch.since_taken_ms() / 1000)
        if batch.alone:
            self._alone.release()
        self._slots.release(batch.slots)

    def keep_trying(self, step: Callable[[], object]) -> None:
        """Run one step; while Redis is away, try again with growing, random pauses."""
        retrying = Retrying(
            retry=retry_if_exception_type(BrokerError),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            stop=stop_when_event_set(self._stop),
            sleep=self._pause,
            before_sleep=_say_once,
            retry_error_callback=lambda _state: None,
        )
        retrying(step)

    def sweep(self) -> None:
        """Sweep the partition."""
        self._hands.queue.sweep()

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)

    def _fetch_one(self) -> None:
        # A suspect runs alone: everything in work is finished first, nothing is fetched beside it, and no other
        # partition tries one meanwhile. (If it kills, what those have in work are suspects, too, and nothing more.)
        if not self._reserve(_SLOTS if self._alone_waits else 1) or not self._prepare_to_be_alone():
            self._hands.take(room=0, per_stream=0)
            return
        batch = Batch(self._hands)
        try:
            self._fill(batch)
        finally:
            if self._may_be_alone and not (batch.alone and batch.items):
                self._alone.release()
            self._may_be_alone = False
            if batch.items:
                batch.slots = self._reserved if batch.alone else 1
                self._reserved -= batch.slots
                self._batches.put(batch)

    def _prepare_to_be_alone(self) -> bool:
        self._may_be_alone = self._alone_waits and self._alone.acquire(timeout=self._renew_every)
        return self._may_be_alone or not self._alone_waits

    def _reserve(self, count: int) -> bool:
        while self._reserved < count:
            if not self._slots.acquire(timeout=self._renew_every):
                return False
            self._reserved += 1
        return True

    def _fill(self, batch: Batch) -> None:
        """Take what is queued; flush at size or deadline, whichever is first."""
        if not self._take_into(batch) and self._hands.queue.wait(self._idle_wait):
            self._take_into(batch)
        deadline = time.monotonic() + self._settings.batch_wait.total_seconds()
        while batch.items and not batch.alone and self._room(batch) > 0 and not self._alone_waits:
            left = deadline - time.monotonic()
            if left <= 0 or not self._hands.queue.wait(timedelta(seconds=max(0.001, left))):
                return
            self._take_into(batch)

    def _room(self, batch: Batch) -> int:
        return self._settings.batch_size - len(batch.items)

    def _take_into(self, batch: Batch) -> bool:
        alone = self._may_be_alone and not batch.items and self._hands.in_work() == 0
        ahead = timedelta(milliseconds=self._usual.ms)
        take = self._hands.take(room=self._room(batch), per_stream=self._per_stream, alone_ok=alone, ahead=ahead)
        if not batch.items:
            batch.taken_at = time.monotonic()
        # A suspect runs alone, so what is in work has to be finished first.
        self._alone_waits = take.alone_waits > 0
        batch.alone = any(taken.alone for taken in take.taken)
        self._add(batch, take)
        return bool(batch.items)

    def _add(self, batch: Batch, take: Take) -> None:
        waited = batch.since_taken_ms()
        for taken in take.taken:
            if taken.alone and taken.attempts > self._settings.max_attempts:
                self._drop(taken, taken.entries[0], "poison", f"its worker died {taken.attempts - 1} times")
                continue
            for entry in taken.entries:
                self._decode_into(batch, taken, entry, waited)

    def _decode_into(self, batch: Batch, taken: Taken, entry: Entry, waited_ms: float) -> None:
        try:
            crop = decode_crop(entry.meta, entry.image, sealer=self._sealer)
        except UnreadableCropError as error:
            self._drop(taken, entry, "unreadable", str(error))
        except PoisonCropError as error:
            self._drop(taken, entry, "poison", str(error))
        else:
            entry.rewind(waited_ms)
            batch.items.append(Item(taken.hand, entry, crop, taken.max_age_ms))

    def _drop(self, taken: Taken, entry: Entry, reason: DropReason, detail: str) -> None:
        self._say(taken.hand.stream, entry, reason, detail)
        # Tried until it works: an error here would strand the crops after this one in the hand.
        self.keep_trying(partial(self._hands.drop, taken.hand, [(entry, reason, detail)]))

    def _say(self, stream: str, entry: Entry, reason: DropReason, detail: str) -> None:
        """Log a drop, but not each of thousands: a wrong key spoils every crop. The ledger counts them all."""
        now = time.monotonic()
        if now - self._said_at.get((stream, reason), -math.inf) > _SAY_AGAIN_S:
            self._said_at[stream, reason] = now
            # The crop's own id cannot be read. Its entry stands in the dead-letter feed, too.
            about = {"stream": stream, "entry": entry.id, "reason": reason}
            log.warning("Crops of stream %s are dropped as %s: %s", stream, reason, detail, extra=about)


def _say_once(state: RetryCallState) -> None:
    if state.attempt_number == 1 and state.outcome is not None:
        log.warning("%s It is tried again until it works.", state.outcome.exception())
