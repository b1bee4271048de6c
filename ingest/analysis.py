"""From a frame to its crops: rate, area, motion, faces, tracks, budget. Knows no Redis, process or thread."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.area import Area
from ingest.budget import CropBudget
from ingest.crops import box_of, cut_face
from ingest.detect.base import Detection, Detector, largest
from ingest.find import FaceFinder
from ingest.motion import MotionGate
from ingest.rate import Rate
from ingest.shot_cut import ShotCuts
from ingest.sources.base import Frame, Pixels
from ingest.sources.listing import shows_video
from ingest.track import LOST_AFTER_S, Tracker
from moodline.crop import Crop, FrameCrops
from moodline.settings import StreamSettings
from moodline.streams import SkipReason

# A face is not lost before it was missed twice, however slowly a stream is looked at.
_MISSES: Final = 2.5


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a frame: its pixels (height, width, 3) without what is masked, and every face in it.

    Also those faces that do not count, because they are small or lie outside the regions.
    """

    frame: int
    pixels: Pixels
    faces: Sequence[Detection]


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
        self._clock = clock
        self._rate = Rate(stream.fps)
        self._area = Area(stream, most_scale=_most_scale(stream, detector))
        self._motion = MotionGate(stream.motion_gate)
        self._finder = FaceFinder(detector, per_second=stream.detect_fps)
        self._cuts = ShotCuts()
        self._tracker = Tracker(prefix, first=first_track, lost_after_s=_lost_after_s(stream.fps))
        self._budgets: dict[str, CropBudget] = {}
        self._skipped: Counter[SkipReason] = Counter()
        self.faces = 0
        self.look: Look | None = None

    @property
    def skipped(self) -> Mapping[SkipReason, int]:
        """How much was left out: frames by ``rate`` and ``motion``, crops by ``budget``."""
        return self._skipped

    @property
    def detections(self) -> int:
        """In how many frames a detector looked; in the others faces were followed."""
        return self._finder.detections

    def look_at(self, share: float) -> None:
        """Look at only this share (0 to 1) of the frames that the stream's ``fps`` asks for, from now on."""
        if self._stream.fps:
            self._rate.set(self._stream.fps * share)
            self._tracker.lose_after(_lost_after_s(self._stream.fps * share))

    def analyse(self, frame: Frame) -> FrameCrops | None:
        """Return the frame's crops, perhaps none, or None when the frame was not looked at.

        ``look`` is then what was seen, until the next call.
        """
        self.look = None
        if not self._rate.is_due(frame.stream_s):
            self._skipped["rate"] += 1
            return None
        view = self._area.view(frame.pixels)
        has_moved = self._motion.lets_through(view.searched, frame.stream_s, faces=self._tracker.is_following)
        if frame.continues and not has_moved:
            self._skipped["motion"] += 1
            return None
        is_cut = self._cuts.is_cut(view.searched) or not frame.continues
        found = [view.in_frame(face) for face in self._finder.find(view.searched, frame.stream_s, fresh=is_cut)]
        self.look = Look(frame.number, view.pixels, found)
        here = (face for face in found if self._area.has(face, view))
        faces = largest(here, at_least=self._stream.min_face, at_most=self._stream.max_faces)
        detected_ms = self._since(frame)
        ended = self._tracker.end_all() if is_cut else ()
        followed = self._tracker.follow(faces, frame.stream_s)
        ended += followed.ended
        for track in ended:
            self._budgets.pop(track, None)
        crops = self._crops(view.pixels, frame.stream_s, faces, followed.tracks)
        self.faces += len(faces)
        height, width = frame.pixels.shape[:2]
        stages = {"detect": detected_ms, "crop": self._since(frame)}
        return FrameCrops(frame.number, frame.captured_at_ms, width, height, crops, ended, stages)

    def _crops(self, pixels: Pixels, at_s: float, faces: list[Detection], tracks: tuple[str, ...]) -> tuple[Crop, ...]:
        crops = []
        for index, (face, track) in enumerate(zip(faces, tracks, strict=True)):
            crop = self._crop(index, face, track, pixels)
            budget = self._budgets.setdefault(track, CropBudget(self._stream.crops_per_second))
            if budget.takes(at_s, crop.pixels, area=face.width * face.height):
                crops.append(crop)
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


def _lost_after_s(fps: float | None) -> float:
    return max(LOST_AFTER_S, _MISSES / fps) if fps else LOST_AFTER_S


def _most_scale(stream: StreamSettings, detector: Detector) -> float:
    """Return the factor beyond which frames need not be larger to find the stream's least faces.

    Only for films of which a detector looks at every frame: each face is seen many times there, and speed counts.
    Where it looks more seldom, and at live streams and pictures, the detector does its best.
    """
    if stream.fps is not None or stream.detect_fps is not None or not shows_video(stream):
        return 1.0
    return detector.least_face / stream.min_face
