"""Reads moodline's events by its API, and goes on where it was: python python_resume.py CURSOR_FILE [FILTER=VALUE ...].

Filters: stream=entrance, kind=emotion, emotion=happy; each may be repeated. The cursor is written after the events have
been printed, so that an end in between prints some twice, never none: whoever acts on them remembers their ids.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

URL = os.environ.get("MOODLINE_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("MOODLINE_KEY", "")
WAIT_S = 1.0


def page_after(cursor: str, filters: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return up to 500 events after a cursor, the cursor after them, and whether there are more."""
    query = urlencode([*filters, ("cursor", cursor), ("limit", "500")])
    headers = {"Authorization": f"Bearer {KEY}"} if KEY else {}
    with urlopen(Request(f"{URL}/v1/events?{query}", headers=headers), timeout=10) as answer:
        page: dict[str, Any] = json.load(answer)
    return page


def main(place: Path, filters: Sequence[tuple[str, str]]) -> None:
    """Print events until Ctrl-C."""
    cursor = place.read_text() if place.exists() else ""
    while True:
        try:
            page = page_after(cursor, filters)
        except URLError as error:  # a 4xx or 5xx too; its sentence is in the body
            print(f"# {error}", file=sys.stderr, flush=True)
            time.sleep(WAIT_S)
            continue
        for event in page["events"]:
            print(json.dumps(event), flush=True)
        if page["next_cursor"] != cursor:
            cursor = page["next_cursor"]
            draft = place.with_suffix(".new")
            draft.write_text(cursor)
            draft.replace(place)
        if not page["more"]:
            time.sleep(WAIT_S)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), [tuple(text.split("=", 1)) for text in sys.argv[2:]])  # type: ignore[misc]
    except KeyboardInterrupt:
        pass
