"""From a frame to its crops: rate, detection, cuts, tracks, budget. Knows no Redis, process or thread."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from ingest.crops import box_of, cut_face
from ingest.detect.base import Detection, Detector, largest, scaled_down
from ingest.rate import Rate
from ingest.shot_cut import ShotCuts
from ingest.sources.base import Frame, Pixels
from ingest.track import LOST_AFTER_S, Tracker
from moodline.crop import Crop, FrameCrops
from moodline.settings import StreamSettings
from moodline.streams import SkipReason

# A face is not lost before it was missed twice, however slowly a stream is looked at.
_MISSES: Final = 2.5


class Analysis:
    """Analyses the frames of one stream in their order.

    Tracks are named ``<prefix>-<n>``; ``first_track`` is the least n, for a reader that goes on
    where another ended.
    """

    def __init__(
        self,
        stream: StreamSettings,
        detector: Detector,
        *,
        prefix: str,
        first_track: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._detector = detector
        self._most_scale = _most_scale(stream, detector)
        self._clock = clock
        self._rate = Rate(stream.fps)
        self._cuts = ShotCuts()
        lost_after_s = max(LOST_AFTER_S, _MISSES / stream.fps) if stream.fps else LOST_AFTER_S
        self._tracker = Tracker(prefix, first=first_track, lost_after_s=lost_after_s)
        self._budgets: dict[str, Rate] = {}
        self._skipped: Counter[SkipReason] = Counter()
        self.faces = 0

    @property
    def skipped(self) -> Mapping[SkipReason, int]:
        """How much was left out: frames by ``rate``, crops by ``budget``."""
        return self._skipped

    def analyse(self, frame: Frame) -> FrameCrops | None:
        """Return the frame's crops, perhaps none, or None when the frame was not looked at."""
        if not self._rate.is_due(frame.stream_s):
            self._skipped["rate"] += 1
            return None
        small, factor = scaled_down(frame.pixels, self._stream.detect_width, most=self._most_scale)
        found = [face.scaled(1.0 / factor) for face in self._detector.detect(small)]
        faces = largest(found, at_least=self._stream.min_face, at_most=self._stream.max_faces)
        detected_ms = self._since(frame)
        is_cut = self._cuts.is_cut(small) or not frame.continues
        ended = self._tracker.end_all() if is_cut else ()
        followed = self._tracker.follow(faces, frame.stream_s)
        ended += followed.ended
        for track in ended:
            self._budgets.pop(track, None)
        crops = self._crops(frame, faces, followed.tracks)
        self.faces += len(faces)
        height, width = frame.pixels.shape[:2]
        stages = {"detect": detected_ms, "crop": self._since(frame)}
        return FrameCrops(frame.number, frame.captured_at_ms, width, height, crops, ended, stages)

    def _crops(self, frame: Frame, faces: list[Detection], tracks: tuple[str, ...]) -> tuple[Crop, ...]:
        crops = []
        for index, (face, track) in enumerate(zip(faces, tracks, strict=True)):
            budget = self._budgets.setdefault(track, Rate(self._stream.crops_per_second))
            if budget.is_due(frame.stream_s):
                crops.append(self._crop(index, face, track, frame.pixels))
            else:
                self._skipped["budget"] += 1
        return tuple(crops)

    def _crop(self, index: int, face: Detection, track: str, pixels: Pixels) -> Crop:
        height, width = pixels.shape[:2]
        return Crop(
            face=index,
            track=track,
            box=box_of(face, width=width, height=height),
            score=min(max(face.score, 0.0), 1.0),
            pixels=cut_face(pixels, face, margin=self._stream.crop_margin),
        )

    def _since(self, frame: Frame) -> float:
        return (self._clock() - frame.monotonic_s) * 1000.0


def _most_scale(stream: StreamSettings, detector: Detector) -> float:
    """Return the factor beyond which frames need not be larger to find the stream's least faces.

    Only for films of which every frame is looked at: each face is seen many times there, and speed counts. Live
    streams and pictures get the detector's best.
    """
    if stream.kind != "file" or stream.fps is not None:
        return 1.0
    return detector.least_face / stream.min_face
