"""Posts moodline's live events to a URL: python webhook_forwarder.py CURSOR_FILE [FILTER=VALUE ...].

Each event is posted as JSON until it is answered with 2xx, in order, and then the cursor is written: at least once, and
after a restart from where it was. The receiver deduplicates by the header Idempotency-Key, which is the event's id, and
checks X-Moodline-Signature: `sha256=` and the HMAC-SHA256 of the body with WEBHOOK_SECRET; without that, nothing is
signed. What it answers with 4xx (but 408 and 429) would be refused for ever, and is left out with a line on stderr. A
redirection is not followed: it counts as a failure, and is tried again.
"""

import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

URL = os.environ.get("MOODLINE_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("MOODLINE_KEY", "")
HOOK = os.environ.get("WEBHOOK_URL", "")
SECRET = os.environ.get("WEBHOOK_SECRET", "").encode()
SILENCE_S = 60
"""moodline says something every 15 s; who hears nothing for so long connects again."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
TRY_AGAIN = {408, 429}
NOTICES = {"ready", "missed", "problem", "closing"}


def say(sentence: str) -> None:
    """Tell whoever looks after this."""
    print(sentence, file=sys.stderr, flush=True)


def messages(lines: Iterable[bytes]) -> Iterator[dict[str, str]]:
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


def keep(place: Path, cursor: str) -> None:
    """Write a cursor, whole or not at all."""
    draft = place.with_suffix(".new")
    draft.write_text(cursor)
    draft.replace(place)


def live_events(place: Path, filters: Sequence[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """Yield events until the connection ends, those after the kept cursor first; without one, what comes now."""
    query = urlencode([*filters, *([("cursor", place.read_text())] if place.exists() else [])])
    headers = {"Authorization": f"Bearer {KEY}"} if KEY else {}
    with urlopen(Request(f"{URL}/v1/events/live?{query}", headers=headers), timeout=SILENCE_S) as answer:
        for message in messages(answer):
            if message["event"] == "missed":
                missed = json.loads(message["data"])
                if missed["in_feed"]:  # this was too slow; connecting again reads them from the feed
                    return
                number = missed["missed"] or "An unknown number of"
                say(f"{number} events had left the feed before they could be posted.")
            if message["event"] == "ready" and not place.exists():
                keep(place, message["id"])
            if message["event"] not in NOTICES:
                yield message


class NoRedirects(HTTPRedirectHandler):
    """Events go where they were meant to go, and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        """Let a redirection end as an HTTPError."""


def post(body: bytes, event_id: str) -> None:
    """Post until it is taken."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": event_id}
    if SECRET:
        headers["X-Moodline-Signature"] = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    wait_s = FIRST_WAIT_S
    while True:
        try:
            build_opener(NoRedirects).open(Request(HOOK, body, headers), timeout=10).close()
        except HTTPError as error:
            if 400 <= error.code < 500 and error.code not in TRY_AGAIN:
                say(f"{event_id} is refused with {error.code} and left out.")
                return
            say(f"{event_id} is answered with {error.code}; again in {wait_s:g} s.")
        except (OSError, HTTPException) as error:
            say(f"{event_id} cannot be posted ({error}); again in {wait_s:g} s.")
        else:
            return
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def main(place: Path, filters: Sequence[tuple[str, str]]) -> None:
    """Forward until Ctrl-C."""
    while True:
        try:
            for message in live_events(place, filters):
                post(message["data"].encode(), json.loads(message["data"])["id"])
                keep(place, message["id"])
        except (OSError, HTTPException) as error:
            say(f"moodline at {URL}: {error}")
        time.sleep(FIRST_WAIT_S)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), [tuple(text.split("=", 1)) for text in sys.argv[2:]])  # type: ignore[misc]
    except KeyboardInterrupt:
        pass
