"""Follows moodline's live events by its API, once: what both forwarders share.

The last event that was dealt with stands as a cursor in a file, so that a restart goes on from there.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

SECRETS = Path(os.environ.get("FORWARDER_SECRETS", "/run/forwarder"))
SILENCE_S = 60
"""moodline says something every 15 s; who hears nothing for so long connects again."""
NOTICES = {"ready", "missed", "problem", "closing"}


def say(sentence: str) -> None:
    """Tell whoever looks after this."""
    print(sentence, file=sys.stderr, flush=True)


def secret(name: str) -> str:
    """Return a password or key: the variable of that name, or else the file of that name among the secrets."""
    file = SECRETS / name
    return os.environ.get(name) or (file.read_text().strip() if file.exists() else "")


URL = os.environ.get("MOODLINE_URL", "http://127.0.0.1:8080")
KEY = secret("MOODLINE_KEY")


def live_events(place: Path, filters: Sequence[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """Yield events until the connection ends, those after the kept cursor first; without one, what comes now.

    Each is a server-sent event: ``data`` is the event as JSON, ``id`` the cursor to keep when it has been dealt with.
    """
    query = urlencode([*filters, *([("cursor", place.read_text())] if place.exists() else [])])
    headers = {"Authorization": f"Bearer {KEY}"} if KEY else {}
    with urlopen(Request(f"{URL}/v1/events/live?{query}", headers=headers), timeout=SILENCE_S) as answer:
        for message in _messages(answer):
            if message["event"] == "missed":
                missed = json.loads(message["data"])
                if missed["in_feed"]:  # this was too slow; connecting again reads them from the feed
                    return
                say(f"{missed['missed'] or 'An unknown number of'} events had left the feed before they could be read.")
            if message["event"] == "ready" and not place.exists():
                keep(place, message["id"])
            if message["event"] not in NOTICES:
                yield message


def keep(place: Path, cursor: str) -> None:
    """Write a cursor, whole or not at all."""
    draft = place.with_suffix(".new")
    draft.write_text(cursor)
    draft.replace(place)


def _messages(lines: Iterable[bytes]) -> Iterator[dict[str, str]]:
    """Parse server-sent events."""
    fields: dict[str, str] = {}
    for line in lines:
        text = line.decode().rstrip("\r\n")
        if text and not text.startswith(":"):
            name, _, value = text.partition(": ")
            fields[name] = value
        elif fields and not text:
            yield fields
            fields = {}
