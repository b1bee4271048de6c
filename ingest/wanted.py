"""Which streams there are to read: those of the configuration file, and those that were added at run time."""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from moodline.declared import Declared
from moodline.errors import MoodlineError
from moodline.settings import StreamSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stream that may be read, paused or not. ``declared``: as it was added at run time, if it was."""

    stream: StreamSettings
    declared: str | None = None

    @property
    def key(self) -> str:
        """What tells this stream from others that had its id; holds no password."""
        settings = self.stream.model_dump(mode="json", exclude={"url", "enabled"})
        added_at = json.loads(self.declared)["added_at"] if self.declared else None
        text = json.dumps([settings, self.stream.known_url, added_at], sort_keys=True)
        return f"{self.stream.id}/{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Streams:
    """All streams by their ids, and a sentence for each of run time that cannot be read here."""

    wanted: Mapping[str, Wanted]
    refused: Mapping[str, str]


def all_streams(
    of_file: Iterable[StreamSettings], of_run_time: Mapping[str, Declared], rules: Sequence[str], *, file: str
) -> Streams:
    """Put the streams of both places together; the file's count where an id stands in both."""
    # Browsers' webcams come and go by themselves: ingest.browser.
    wanted = {stream.id: Wanted(stream) for stream in of_file if stream.kind != "browser"}
    refused: dict[str, str] = {}
    for stream, declared in of_run_time.items():
        if stream in wanted:
            refused[stream] = f"It stands in {file}, too, and is read as it stands there."
            continue
        try:
            wanted[stream] = Wanted(declared.settings(rules), declared.text)
        except MoodlineError as error:
            refused[stream] = str(error)
        except Exception:  # one bad entry, whoever wrote it, must not stop the others
            log.exception("What is kept of stream %s cannot be taken for a stream.", stream)
            refused[stream] = "What is kept of it cannot be understood; remove it."
    return Streams(wanted, refused)
