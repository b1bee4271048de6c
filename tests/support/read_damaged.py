"""Reads every file of a folder as a capture process would, and says what became of each.

Usage: read_damaged.py FOLDER. A line a file: its name, and how many frames it gave or which failure it ended with.
Native code that crashes or hangs takes this process with it, and not the test.
"""

import os
import sys
from itertools import islice
from pathlib import Path

from ingest.job import PROCESS_ENVIRONMENT

MOST_FRAMES = 50


def outcome(path: Path) -> str:
    from ingest.sources.base import SourceFailure
    from ingest.sources.factory import SourceContext, make_source
    from moodline.settings import IngestSettings, StreamSettings

    stream = StreamSettings.model_validate({"id": "s", "url": str(path)})
    source = make_source(stream, IngestSettings(), SourceContext(lambda _: True))
    try:
        source.open()
        return f"{sum(1 for _ in islice(source.frames(), MOST_FRAMES))} frames"
    except SourceFailure as failure:
        return f"{type(failure).__name__}: {failure}"
    finally:
        source.close()


def main() -> None:
    os.environ.update(PROCESS_ENVIRONMENT)
    from ingest.process import limit_memory

    limit_memory()
    for path in sorted(Path(sys.argv[1]).iterdir()):
        sys.stdout.write(f"{path.name}\t{outcome(path)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
