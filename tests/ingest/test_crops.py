"""How a face is cut out of its frame."""

import cv2
import numpy as np
import pytest

from ingest.crops import box_of, cut_face
from ingest.detect.base import Detection
from ingest.sources.base import Pixels
from moodline.crop import CROP_BYTES, CROP_SIDE, Box


def scene(width: int = 640, height: int = 360) -> Pixels:
    """A picture that is brighter to the right and bluish, with no two columns alike."""
    columns = np.linspace(0, 255, width, dtype=np.uint8)
    return np.repeat(np.tile(columns, (height, 1))[:, :, np.newaxis], 3, axis=2)


def pixels_of(crop: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    assert len(crop) == CROP_BYTES
    return np.frombuffer(crop, np.uint8).reshape(CROP_SIDE, CROP_SIDE)


@pytest.mark.parametrize("size", [(24, 30), (48, 48), (90, 120), (200, 150)])
def test_a_crop_is_48_by_48_grey_whatever_the_face(size: tuple[int, int]) -> None:
    pixels_of(cut_face(scene(), Detection(200, 100, *size, 0.9), margin=0.1))


def test_the_square_stands_around_the_faces_centre_with_its_margin() -> None:
    # 80 wide, 100 high, centre at column 240: a square of 120 columns from 180 to 300.
    crop = pixels_of(cut_face(scene(), Detection(200, 100, 80, 100, 0.9), margin=0.1))
    expected = np.linspace(0, 255, 640)[180:300]
    assert crop[10, 0] == pytest.approx(expected[0], abs=2)
    assert crop[10, -1] == pytest.approx(expected[-1], abs=2)


def test_a_face_is_not_stretched() -> None:
    pixels = np.zeros((300, 300, 3), np.uint8)
    cv2.circle(pixels, (150, 150), 40, (255, 255, 255), -1)
    white = pixels_of(cut_face(pixels, Detection(110, 100, 80, 100, 0.9), margin=0.0)) > 127
    assert white.any(axis=0).sum() == pytest.approx(white.any(axis=1).sum(), abs=1)


def test_beyond_the_pictures_edge_the_edge_goes_on() -> None:
    crop = pixels_of(cut_face(scene(), Detection(-20, 300, 100, 100, 0.9), margin=0.0))
    assert (crop[:, :9] == crop[0, 0]).all(), "the first column is repeated to the left"
    assert (crop[-1] == crop[0]).all(), "the last row is repeated below"


@pytest.mark.parametrize(
    "face", [Detection(-500, -500, 50, 50, 0.9), Detection(700, 400, 50, 50, 0.9), Detection(5, 5, 0.2, 0.2, 0.9)]
)
def test_even_a_senseless_box_gives_a_crop_and_a_box_in_the_frame(face: Detection) -> None:
    pixels_of(cut_face(scene(), face, margin=0.1))
    box = box_of(face, width=640, height=360)
    assert 0 <= box.x < box.x + box.width <= 640
    assert 0 <= box.y < box.y + box.height <= 360


def test_a_box_is_cut_to_the_frame() -> None:
    assert box_of(Detection(-10, 20.4, 50, 400, 0.9), width=640, height=360) == Box(0, 20, 40, 340)


def test_grey_is_weighed_as_people_see_it() -> None:
    green = np.zeros((100, 100, 3), np.uint8)
    green[:, :, 1] = 200
    assert pixels_of(cut_face(green, Detection(20, 20, 60, 60, 0.9), margin=0.0)).mean() == pytest.approx(117, abs=1)
