"""A private server for one measurement, and what it says of its own work."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from pydantic import SecretStr

from moodline.broker import Broker, connect
from moodline.embedded import EmbeddedServer
from moodline.event import Event, EventKind, parse_event
from moodline.sealing import new_key
from moodline.settings import RedisSettings


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with a broker on it, and the settings with which others connect."""

    redis: RedisSettings
    broker: Broker

    @property
    def environment(self) -> dict[str, str]:
        """What a service needs in its environment to use this server."""
        url, key = self.redis.url, self.redis.seal_key
        assert url is not None and key is not None  # noqa: S101, PT018 - private_server sets both
        return {"REDIS_URL": url.get_secret_value(), "MOODLINE_SEAL_KEY": key.get_secret_value()}

    def cpu_s(self) -> float:
        """Return the processor seconds that the server has used so far."""
        with self.broker.errors():
            info = self.broker.client.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

    def feed_span_ms(self) -> int:
        """Return the milliseconds from the first to the last entry that stands in the event feed."""
        feed = self.broker.all_keys()[0].of_partition("feed")
        with self.broker.errors():
            first = cast("list[Any]", self.broker.client.xrange(feed, count=1))
            last = cast("list[Any]", self.broker.client.xrevrange(feed, count=1))
        return entry_ms(last[0][0]) - entry_ms(first[0][0])

    def events(self, stream: str, *, kind: EventKind = "emotion") -> list[tuple[int, Event]]:
        """Return a stream's events of one kind that stand in the feed, each with the server's Unix milliseconds."""
        feed = self.broker.keys_of(stream).of_partition("feed")
        with self.broker.errors():
            entries = cast("list[Any]", self.broker.client.xrange(feed))
        found = [(entry_ms(entry_id), parse_event(fields[b"event"])) for entry_id, fields in entries]
        return [(at_ms, event) for at_ms, event in found if event.stream == stream and event.kind == kind]

    def events_between(self, feed: str, began_ms: int, ended_ms: int) -> list[tuple[int, Event]]:
        """Return the emotion events that were written into a feed in that time, each with its Unix milliseconds."""
        with self.broker.errors():
            entries = cast("list[Any]", self.broker.client.xrange(feed, min=str(began_ms), max=str(ended_ms)))
        found = [(entry_ms(entry_id), parse_event(fields[b"event"])) for entry_id, fields in entries]
        return [(at_ms, event) for at_ms, event in found if event.kind == "emotion"]


@contextmanager
def private_server() -> Iterator[Server]:
    """Run a fresh server, as ``moodline up`` would, until the block ends."""
    with EmbeddedServer() as embedded:
        redis = RedisSettings.model_validate({"url": SecretStr(embedded.url), "seal_key": SecretStr(new_key())})
        broker = connect(redis)
        try:
            yield Server(redis, broker)
        finally:
            broker.close()


def entry_ms(entry_id: bytes | str) -> int:
    """Return the server's Unix milliseconds at which an entry was written."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    return int(text.partition("-")[0])
