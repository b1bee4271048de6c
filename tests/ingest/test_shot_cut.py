"""Where a shot ends."""

import cv2
import numpy as np
import pytest

from ingest.shot_cut import ShotCuts
from ingest.sources.base import Pixels
from ingest.sources.demo import portrait_path
from tests.support.needs import shared


def frames_of(name: str, *, every: int = 1) -> list[tuple[int, Pixels]]:
    capture = cv2.VideoCapture(str(shared(f"data/media/{name}")))
    frames, number = [], 0
    while capture.grab():
        if number % every == 0:
            frames.append((number, capture.retrieve()[1].astype(np.uint8)))
        number += 1
    return frames


def cuts_in(frames: list[tuple[int, Pixels]]) -> list[int]:
    cuts = ShotCuts()
    return [number for number, pixels in frames if cuts.is_cut(pixels)]


def test_the_hard_cuts_of_a_film_are_found_and_no_others() -> None:
    assert cuts_in(frames_of("short_hamilton_clip.mp4")) == [20, 82, 211]


def test_they_are_found_at_five_frames_a_second_too() -> None:
    assert cuts_in(frames_of("short_hamilton_clip.mp4", every=6)) == [24, 84, 216]


@pytest.mark.parametrize(
    "name",
    [
        "fer_test.mp4",
        "intel_head-pose-face-detection-female-and-male.gif",
        "intel_face-demographics-walking-and-pause.gif",
    ],
)
@pytest.mark.parametrize("every", [1, 6])
def test_people_who_move_are_no_cut(name: str, every: int) -> None:
    assert cuts_in(frames_of(name, every=every)) == []


def test_a_lamp_that_is_switched_on_is_no_cut() -> None:
    dark = cv2.imread(str(portrait_path()))
    assert dark is not None
    bright = cv2.convertScaleAbs(dark, alpha=1.6, beta=30)
    assert cuts_in([(0, dark.astype(np.uint8)), (1, bright.astype(np.uint8))]) == []


def test_a_camera_that_sees_nothing_shows_no_cuts() -> None:
    black = np.zeros((360, 640, 3), np.uint8)
    assert cuts_in([(number, black) for number in range(5)]) == []
