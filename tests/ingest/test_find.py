"""Between two detections faces are followed: as many are found, for a fraction of the work."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import pytest

from ingest.detect.base import Detection
from ingest.detect.yunet import YuNet
from ingest.find import FaceFinder
from ingest.follow import Follower
from ingest.shot_cut import ShotCuts
from ingest.sources.base import Pixels
from tests.ingest.films import HEIGHT, WIDTH, analysed, empty_room, filmed, overlap, portrait, stream
from tests.support.needs import shared

Found: TypeAlias = Mapping[int, Sequence[Detection]]


def pictures_of(media: Path) -> list[Pixels]:
    capture, pictures = cv2.VideoCapture(str(media)), []
    while (read := capture.read())[0]:
        pictures.append(read[1].astype(np.uint8))
    return pictures


def found_in(pictures: list[Pixels], model: Path, *, per_second: float) -> tuple[Found, int]:
    """Return the faces of each picture of a film of 30 frames a second, and how often the detector looked."""
    finder = FaceFinder(YuNet(model, score_threshold=0.7), per_second=per_second)
    cuts = ShotCuts()
    found = {
        number: finder.find(pixels, number / 30, fresh=cuts.is_cut(pixels)) for number, pixels in enumerate(pictures)
    }
    return found, finder.detections


def true_share(found: Found, truth: Found) -> float:
    hits = sum(any(overlap(face, box) >= 0.4 for box in found[frame]) for frame in truth for face in truth[frame])
    return hits / sum(map(len, truth.values()))


@pytest.mark.parametrize("name", ["short_hamilton_clip.mp4", "fer_test.mp4"])
def test_with_a_sixth_of_the_detections_nearly_all_faces_are_found_in_every_frame(name: str, yunet_model: Path) -> None:
    pictures = pictures_of(shared(f"data/media/{name}"))
    detector = YuNet(yunet_model, score_threshold=0.7)
    # Every third frame tells enough, and costs a third of the time.
    truth = {number: detector.detect(pictures[number]) for number in range(0, len(pictures), 3)}
    everything, detections = found_in(pictures, yunet_model, per_second=5)
    found = {number: everything[number] for number in truth}
    assert detections < len(pictures) / 5
    assert true_share(found, truth) > 0.95
    assert true_share(truth, found) > 0.95, "and nothing is followed that is no face"


def test_a_film_is_cut_into_crops_of_every_frame(clip: Path, yunet_model: Path) -> None:
    frames = list(filmed(pictures_of(clip), fps=30))
    analysis, found = analysed(stream(detect_fps=5), frames, yunet_model)
    assert len(found) == len(frames)
    assert analysis.detections < len(frames) / 5
    tracks: dict[str, list[int]] = {}
    for frame in found:
        for crop in frame.crops:
            tracks.setdefault(crop.track, []).append(frame.frame)
    for cut in (20, 82, 211):
        assert not [track for track, seen in tracks.items() if seen[0] < cut <= seen[-1]]


class Counting:
    """A detector that sees one face, where it is told."""

    least_face = 12

    def __init__(self) -> None:
        self.faces: list[Detection] = []
        self.looked = 0

    def detect(self, pixels: Pixels) -> list[Detection]:
        del pixels
        self.looked += 1
        return self.faces


@pytest.fixture
def counting() -> Counting:
    detector = Counting()
    detector.faces = [Detection(235, 50, 110, 140, 0.9)]
    return detector


def test_a_face_is_followed_where_it_moves_and_grows(counting: Counting) -> None:
    finder = FaceFinder(counting, per_second=1)
    finder.find(portrait(), 0.0, fresh=True)
    for step in range(1, 9):
        (face,) = finder.find(
            portrait(left=200 + 6 * step, top=20 + 2 * step, height=300 + 3 * step), step / 25, fresh=False
        )
    assert counting.looked == 1
    grown = 324 / 300
    assert (face.x, face.y) == pytest.approx((200 + 48 + 35 * grown, 20 + 16 + 30 * grown), abs=6)
    assert (face.width, face.height) == pytest.approx((110 * grown, 140 * grown), rel=0.06)
    assert face.score == 0.9


@pytest.mark.parametrize(
    ("pixels", "fresh"),
    [(empty_room(), False), (portrait(), True), (np.zeros((200, 300, 3), np.uint8), False)],
    ids=["the face is gone", "a cut", "another size"],
)
def test_the_detector_looks_out_of_its_turn_when_following_fails(
    counting: Counting, pixels: Pixels, fresh: bool
) -> None:
    finder = FaceFinder(counting, per_second=1)
    finder.find(portrait(), 0.0, fresh=True)
    finder.find(portrait(), 0.04, fresh=False)
    assert counting.looked == 1
    counting.faces = []
    assert finder.find(pixels, 0.08, fresh=fresh) == []
    assert counting.looked == 2


def test_a_new_face_is_seen_at_the_next_detection(counting: Counting) -> None:
    seen, counting.faces = counting.faces, []
    finder = FaceFinder(counting, per_second=5)
    finder.find(empty_room(), 0.0, fresh=True)
    counting.faces = seen
    found = [len(finder.find(portrait(), step / 25, fresh=False)) for step in range(1, 7)]
    assert found == [0, 0, 0, 1, 1, 1]
    assert counting.looked == 2


def test_without_a_rate_the_detector_looks_at_every_picture(counting: Counting) -> None:
    finder = FaceFinder(counting, per_second=None)
    for step in range(5):
        finder.find(portrait(), step / 25, fresh=False)
    assert counting.looked == 5


@pytest.mark.parametrize(
    "face",
    [Detection(-40, -40, 60, 60, 0.9), Detection(WIDTH + 50, HEIGHT, 30, 30, 0.9), Detection(5, 5, 0.5, 0.5, 0.9)],
)
def test_even_a_senseless_box_is_survived(face: Detection) -> None:
    follower = Follower()
    follower.seen(portrait(), [face])
    follower.follow(portrait(left=210))
