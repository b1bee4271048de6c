"""Opens a source, waits for its first frame, and watches it for a moment."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2

from ingest.analysis import Analysis
from ingest.beat import Condition
from ingest.detect.choose import make_detector
from ingest.detect.haar import Haar
from ingest.live_feed import LiveFeed
from ingest.native_stderr import ReadLines
from ingest.probe.report import Report, codec_name
from ingest.recorded_feed import RecordedFeed
from ingest.sources.base import Frame, Pixels, SourceFailure, Unreachable, sleep
from ingest.sources.factory import SourceContext, make_source
from ingest.sources.media_clock import ABSURD_FPS
from ingest.sources.video_capture import VideoCapture, open_with_opencv
from moodline.crop import Crop
from moodline.settings import IngestSettings, StreamSettings

WATCH_S: Final = 2.0
"""How long a source is watched after its first frame."""
_LOOKS_PER_S: Final = 5.0
# At first a camera's frames come all at once: those that FFmpeg has read to learn what they are.
_SETTLED_S: Final = 0.5
# Where fewer or more come than the container promises, it is the container that is wrong.
_PROMISE_HOLDS: Final = 0.2
# What opening may take on top of its own timeouts before the probe gives up.
_GRACE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Sight:
    """A frame (height, width, 3) without what is masked, and the faces in it."""

    pixels: Pixels
    crops: tuple[Crop, ...]


class _Opener:
    """Opens as the sources do, and notes what the container says of itself, before another thread may close it."""

    def __init__(self) -> None:
        self.codec: str | None = None
        self.fps: float | None = None

    def __call__(self, source: str | int, backend: int, params: Sequence[int]) -> VideoCapture:
        capture = open_with_opencv(source, backend, params)
        if capture.isOpened():
            self.codec = codec_name(capture.get(cv2.CAP_PROP_FOURCC))
            fps = capture.get(cv2.CAP_PROP_FPS)
            self.fps = round(fps, 2) if 0 < fps < ABSURD_FPS else None
        return capture


class _Watch:
    """Collects frames until it has seen enough."""

    def __init__(self, analyse: Callable[[Frame], Sight | None]) -> None:
        self._analyse = analyse
        self.began_s = time.monotonic()
        self.first_s: float | None = None
        self._from: Frame | None = None
        self._last: Frame | None = None
        self.best: Sight | None = None

    def is_enough(self) -> bool:
        return self.first_s is not None and time.monotonic() - self.first_s > WATCH_S

    def see(self, frame: Frame) -> None:
        if self.first_s is None:
            self.first_s = frame.monotonic_s
        if self._from is None and frame.monotonic_s - self.first_s >= _SETTLED_S:
            self._from = frame
        self._last = frame
        sight = self._analyse(frame)
        if sight is not None and (self.best is None or len(sight.crops) > len(self.best.crops)):
            self.best = sight

    def measured_fps(self) -> float | None:
        """Return how many frames a second came, also of those that nobody had the time to look at."""
        first, last = self._from, self._last
        if first is None or last is None or last.monotonic_s <= first.monotonic_s:
            return None
        return round((last.number - first.number) / (last.monotonic_s - first.monotonic_s), 1)


def look(
    stream: StreamSettings, settings: IngestSettings, *, yunet_model: Path | None, native_lines: ReadLines
) -> tuple[Report, Sight | None]:
    """Return what is learned of a source, and the frame with the most faces. Raises ModelError."""
    opener = _Opener()
    looked = stream.model_copy(update={"fps": _LOOKS_PER_S, "crops_per_second": None, "motion_gate": None})
    detector = make_detector(looked, yunet_model)
    analysis = Analysis(looked, detector, prefix="probe")

    def sight_of(frame: Frame) -> Sight | None:
        found = analysis.analyse(frame)
        return Sight(analysis.look.pixels, found.crops) if found and analysis.look else None

    watch = _Watch(sight_of)
    context = SourceContext(sleep, native_lines, opener=opener)
    end = _run(stream, settings, context, watch)
    report = Report(stream.shown_url, watch.first_s is not None, end.state, _once(end.sentence))
    if watch.first_s is None or watch.best is None:
        return report, None
    report.state, report.sentence = "live", f"{stream.shown_url} can be read."
    report.codec, report.fps = opener.codec, _fps(opener.fps, None if stream.recorded else watch.measured_fps())
    report.height, report.width = watch.best.pixels.shape[:2]
    report.first_frame_ms = round((watch.first_s - watch.began_s) * 1000)
    report.faces = len(watch.best.crops)
    report.score = round(max(crop.score for crop in watch.best.crops), 3) if watch.best.crops else None
    report.detector = "Haar cascade" if isinstance(detector, Haar) else "YuNet"
    return report, watch.best


def _run(stream: StreamSettings, settings: IngestSettings, context: SourceContext, watch: _Watch) -> Condition:
    """Watch until there is enough; return the source's condition then, which tells why when no frame came."""
    shown = stream.shown_url
    try:
        source = make_source(stream, settings, context)
    except SourceFailure as failure:
        return Condition(failure.state, str(failure))
    feed = RecordedFeed(source, shown_url=shown) if stream.recorded else LiveFeed(source, settings, shown_url=shown)
    at_first = feed.condition
    patience_s = (settings.open_timeout + settings.read_timeout).total_seconds() + _GRACE_S
    with contextlib.closing(feed):
        for frame in feed.frames_or_none():
            if frame is not None:
                watch.see(frame)
            if watch.is_enough() or (watch.first_s is None and feed.condition != at_first and frame is None):
                break
            if watch.first_s is None and time.monotonic() - watch.began_s > patience_s:
                unanswered = Unreachable(f"{shown} gave no frame in {patience_s:g} s.")
                return Condition(unanswered.state, str(unanswered))
    return feed.condition


def _fps(promised: float | None, came: float | None) -> float | None:
    """Return the frame rate: what the container says, unless something else came."""
    if promised is None or came is None:
        return promised or came
    return promised if abs(promised - came) <= _PROMISE_HOLDS * promised else came


def _once(sentence: str) -> str:
    """Return a failure's sentence without the promise of another try, which a probe does not make."""
    for promise in ("; trying again.", "; connecting again."):
        sentence = sentence.replace(promise, ".")
    return sentence
