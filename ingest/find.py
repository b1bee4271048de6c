"""Finds the faces of picture after picture: a detector looks now and then, and between its looks faces are followed."""

from collections.abc import Sequence

from ingest.detect.base import Detection, Detector
from ingest.follow import Follower
from ingest.rate import Rate
from ingest.sources.base import Pixels


class FaceFinder:
    """The faces of one stream's pictures. With ``per_second`` None the detector looks at each of them."""

    def __init__(self, detector: Detector, *, per_second: float | None) -> None:
        self._detector = detector
        self._follower = Follower() if per_second else None
        self._rate = Rate(per_second)
        self.detections = 0

    def find(self, pixels: Pixels, at_s: float, *, fresh: bool) -> Sequence[Detection]:
        """Return the faces in ``pixels`` (height, width, 3) of the stream's second ``at_s``, in their coordinates.

        ``fresh`` says that the picture does not go on from the one before it. Then, and where a face
        can be followed no further, the detector looks out of its turn.
        """
        is_due = self._rate.is_due(at_s)
        if self._follower is not None and not is_due and not fresh:
            followed = self._follower.follow(pixels)
            if followed is not None:
                return followed
        self.detections += 1
        faces = self._detector.detect(pixels)
        if self._follower is not None:
            self._follower.seen(pixels, faces)
        return faces
