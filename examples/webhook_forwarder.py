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
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from live_events import URL, keep, live_events, say, secret

HOOK = os.environ.get("WEBHOOK_URL", "")
SECRET = secret("WEBHOOK_SECRET").encode()
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
TRY_AGAIN = {408, 429}


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
    if not HOOK:
        sys.exit("Set WEBHOOK_URL: where the events are posted to.")
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
