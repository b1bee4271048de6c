"""What the margin around a face's box does to the answers: on FER2013's own pictures, on portraits, and on clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.case import Bar, Case, Context, Result, Table
from bench.samples import number
from ingest.crops import cut_face
from ingest.detect.base import Detection
from ingest.detect.yunet import YuNet
from ingest.sources.base import Pixels
from moodline.crop import CROP_SIDE
from moodline.settings import StreamSettings, WorkerSettings
from trainer.ablation.table import paired_difference
from trainer.data import Faces, read_split
from worker.model import Classifier, load_classifier

YUNET: Final = "models/face_detection_yunet_2023mar.onnx"
MARGINS: Final = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
PORTRAITS: Final = {"happy": "happy", "sad": "sad", "angry": "angry", "neutral": "neutral", "surprised": "surprise"}
_CLIPS: Final = ("fer_test.mp4", "short_hamilton_clip.mp4")
_EVERY: Final = 5  # frames of a clip
_ENLARGED: Final = 4  # YuNet finds no faces of 48 pixels that fill the picture
_FACES, _FACES_QUICK = 3589, 100

Found = tuple[Pixels, Detection]
"""A picture and the largest face in it."""


@dataclass(frozen=True)
class Effect:
    """What one margin gives."""

    margin: float
    hits: NDArray[np.bool_]
    """Which of FER2013's faces (N,), found and cut anew, get what most raters saw."""
    right: int
    likely: float
    """Mean probability of the true emotion of the portraits."""
    confidence: float
    """Mean probability of the answers on clips."""

    @property
    def fer(self) -> float:
        """Share of FER2013's faces that get what most raters saw."""
        return float(self.hits.mean())

    def ahead(self, other: "Effect") -> tuple[float, float]:
        """By which share this is right more often than another on the same faces, and half its 95 % interval."""
        return paired_difference(self.hits, other.hits)


def largest(detector: YuNet, pixels: Pixels) -> Found | None:
    """Return a picture with its largest face, None where there is none."""
    faces = detector.detect(pixels)
    return (pixels, max(faces, key=lambda face: face.width)) if faces else None


def recut(detector: YuNet, faces: Faces) -> tuple[list[Found], NDArray[np.int64]]:
    """Return FER2013's pictures, enlarged, with the face that is found in each, and the labels of these."""
    found, labels = [], []
    for image, label in zip(faces.images, faces.majority(), strict=True):
        large = cv2.resize(image, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)
        one = largest(detector, cast("Pixels", cv2.cvtColor(large, cv2.COLOR_GRAY2BGR)))
        if one is not None and label >= 0:
            found.append(one)
            labels.append(label)
    return found, np.array(labels, np.int64)


def framing(found: Sequence[Found]) -> float:
    """Return the median share of the picture's side that the longer side of a face's box takes."""
    return float(np.median([max(face.width, face.height) / pixels.shape[0] for pixels, face in found]))


def answers(classifier: Classifier, found: Sequence[Found], margin: float) -> NDArray[np.float32]:
    """Return probabilities (N, labels) of the faces, cut with a margin."""
    cuts = [np.frombuffer(cut_face(pixels, face, margin=margin), np.uint8) for pixels, face in found]
    crops = np.stack(cuts).reshape(-1, CROP_SIDE, CROP_SIDE)
    return np.concatenate([classifier.predict(crops[start : start + 64]) for start in range(0, len(crops), 64)])


def portraits(context: Context, detector: YuNet) -> dict[str, Found]:
    """Return the portraits of a known emotion, by it. Raises NotMeasurableError where they are missing."""
    found = {}
    for name, emotion in PORTRAITS.items():
        pixels = cv2.imread(str(context.require(f"data/media/stills/faceapi_{name}.jpg")))
        one = largest(detector, cast("Pixels", pixels))
        if one is not None:
            found[emotion] = one
    return found


def _frames(clip: Path) -> Iterator[Pixels]:
    capture, frame = cv2.VideoCapture(str(clip)), 0
    while True:
        ok, pixels = capture.read()
        if not ok:
            return
        if frame % _EVERY == 0:
            yield cast("Pixels", pixels)
        frame += 1


def _clips(context: Context, detector: YuNet) -> list[Found]:
    clips = [context.require(f"data/media/{name}") for name in _CLIPS]
    return [(pixels, face) for clip in clips for pixels in _frames(clip) for face in detector.detect(pixels)]


def effects(
    context: Context, classifier: Classifier, detector: YuNet, faces: Faces, *, margins: Sequence[float] = MARGINS
) -> tuple[float, list[Effect]]:
    """Return how FER2013 frames its faces, and what each margin gives."""
    fer, labels = recut(detector, faces)
    stills, clips = portraits(context, detector), _clips(context, detector)
    truth = np.array([classifier.labels.index(emotion) for emotion in stills])
    out = []
    for margin in margins:
        context.say(f"  margin {margin}")
        seen = answers(classifier, list(stills.values()), margin)
        out.append(
            Effect(
                margin=margin,
                hits=answers(classifier, fer, margin).argmax(axis=1) == labels,
                right=int((seen.argmax(axis=1) == truth).sum()),
                likely=float(seen[np.arange(len(seen)), truth].mean()),
                confidence=float(answers(classifier, clips, margin).max(axis=1).mean()),
            )
        )
    return framing(fer), out


def _run(context: Context) -> Result:
    detector = YuNet(context.require(YUNET), score_threshold=0.7)
    faces = read_split(context.require("data/fer2013"), "validation")
    count = _FACES_QUICK if context.quick else _FACES
    share, found = effects(context, load_classifier(WorkerSettings()), detector, faces.where(np.arange(count)))
    default = StreamSettings.model_validate({"id": "still", "url": "demo"}).crop_margin
    ours = next(one for one in found if one.margin == default)
    columns = ("margin", *_COLUMNS)
    rows = [[number(one.margin), *_cells(one, ours)] for one in found]
    best = max(found, key=lambda one: one.fer)
    bar = Bar(
        "the default margin is the one that loses least",
        f"best {number(best.margin)}, default {number(default)}",
        best.margin == default,
    )
    note = f"The longer side of YuNet's box takes {share:.2f} of the side of FER2013's pictures, in the median."
    return Result([Table("The same faces, cut with more and more around them", columns, rows)], [bar], [note])


_COLUMNS: Final = (
    "FER+ majority", "against the default", "portraits right", "probability of the right one", "confidence on clips",
)  # fmt: skip


def _cells(one: Effect, default: Effect) -> list[str]:
    gain, sure = one.ahead(default)
    against = "" if one is default else f"{gain * 100:+.1f} ± {sure * 100:.1f}"
    portraits_right = f"{one.right} of {len(PORTRAITS)}"
    return [f"{one.fer:.1%}", against, portraits_right, f"{one.likely:.2f}", f"{one.confidence:.2f}"]


CASE = Case(
    "margin",
    50,
    "What the margin around a face does",
    "FER2013's validation pictures enlarged four times, the largest face found by YuNet and cut as ingest cuts it, "
    "judged by the shipped model against what most raters saw; five portraits of a known emotion; every fifth frame "
    "of two clips. What lies beyond a picture repeats its edge, and FER2013's pictures end soon after the face, so "
    "larger margins are to be judged by portraits and clips, too.",
    _run,
)
