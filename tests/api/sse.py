"""A client of server-sent events, as a browser reads them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Message:
    event: str
    id: str
    data: dict[str, Any]


def messages(answer: httpx.Response) -> Iterator[Message]:
    """Parse server-sent events as a browser does."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Message(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}


@contextmanager
def live(client: httpx.Client, path: str = "/v1/events/live", **headers: str) -> Iterator[Iterator[Message]]:
    """Open a live stream and wait until it is ready."""
    with client.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        coming = messages(answer)
        assert next(coming).event == "ready"
        yield coming
