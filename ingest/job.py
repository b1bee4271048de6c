"""What a capture process is asked to do. Imports no OpenCV: the supervisor itself stays small."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from moodline.settings import IngestSettings, LogSettings, RedisSettings, StreamSettings, TracingSettings
from moodline.streams import Once

PROCESS_ENVIRONMENT: Final = {
    # Many small processes: a pool of threads and an arena of memory for every core would be waste.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    # A header that lies about its picture's size must not take the memory of the machine: 64 megapixels.
    "OPENCV_IO_MAX_IMAGE_PIXELS": str(1 << 26),
}
"""What must be set before a capture process, or the server it is forked from, imports OpenCV and NumPy."""

MOST_MEMORY: Final = 4 << 30
"""Bytes that a capture process may have: what a damaged source makes native code ask for beyond is refused."""


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """One stream and the settings it is read with. ``owner`` names this ingest in the stream's lease.

    ``declared``: the stream as it was added at run time, if it was; ``once``: which recording it is, if it is one.
    ``hidden``: what of its address no text may show.
    """

    stream: StreamSettings
    ingest: IngestSettings
    redis: RedisSettings
    log: LogSettings
    owner: str
    yunet_model: Path | None
    tracing: TracingSettings = field(default_factory=TracingSettings)
    declared: str | None = None
    once: Once | None = None
    hidden: frozenset[str] = frozenset()
