"""The keys that are valid now: those of the configuration, and those in Redis as they were a moment ago."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.concurrency import run_in_threadpool

from moodline.access import ApiKey, find_key, keys_of_lines, saved_keys
from moodline.broker import Broker
from moodline.errors import BrokerError

FRESH_S: Final = 2.0
"""A key that was revoked opens nothing after this long."""


class Keyring:
    """Finds keys by their text. While Redis is away, those that were valid stay so: nothing of it is answered then."""

    def __init__(self, broker: Broker, lines: Sequence[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._declared = keys_of_lines(lines)
        self._saved: Mapping[str, ApiKey] | None = None
        self._loaded_at = 0.0
        self._clock = clock
        self._lock = asyncio.Lock()

    async def find(self, text: str) -> ApiKey | None:
        """Return the valid key that ``text`` is. Raises BrokerError where Redis was never there to be asked."""
        found = await self.find_loaded(text)
        if found is None:
            # It may be new. Who guesses does not get here often: see AccessMiddleware.
            await self._load(0.0)
            found = self._find(text)
        return found

    async def find_loaded(self, text: str) -> ApiKey | None:
        """Return what ``find`` does, but do not ask Redis for the sake of a key that may be new."""
        await self._load(FRESH_S)
        return self._find(text)

    def _find(self, text: str) -> ApiKey | None:
        return find_key(text, {**(self._saved or {}), **self._declared})

    async def _load(self, fresh_s: float) -> None:
        async with self._lock:
            if self._saved is not None and self._clock() - self._loaded_at < fresh_s:
                return
            self._loaded_at = self._clock()
            try:
                self._saved = await run_in_threadpool(saved_keys, self._broker)
            except BrokerError:
                if self._saved is None and not self._declared:
                    raise
                self._saved = self._saved or {}
