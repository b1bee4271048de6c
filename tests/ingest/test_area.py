"""Regions and privacy masks."""

from pathlib import Path

import numpy as np
import pytest

from ingest.area import Area
from ingest.detect.base import Detection
from tests.ingest.films import HEIGHT, WIDTH, analysed, filmed, portrait, stream

LEFT_HALF = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
RIGHT_HALF = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]


def faces(model: Path, *, left: int, **settings: object) -> list[tuple[int, int, int, int]]:
    """Return the box of every face in a picture whose face is at ``left``."""
    _, found = analysed(stream(**settings), filmed([portrait(left=left)]), model)
    return [(crop.box.x, crop.box.y, crop.box.width, crop.box.height) for crop in found[0].crops]


def test_only_faces_in_a_region_are_found(yunet_model: Path) -> None:
    for left, region in ((20, LEFT_HALF), (380, RIGHT_HALF)):
        assert len(faces(yunet_model, left=left, regions=[region])) == 1
    assert faces(yunet_model, left=20, regions=[RIGHT_HALF]) == []
    assert faces(yunet_model, left=380, regions=[LEFT_HALF]) == []
    assert len(faces(yunet_model, left=20, regions=[RIGHT_HALF, LEFT_HALF])) == 1


def test_a_face_has_the_same_box_with_and_without_a_region(yunet_model: Path) -> None:
    assert faces(yunet_model, left=380, regions=[RIGHT_HALF]) == [
        pytest.approx(box, abs=12) for box in faces(yunet_model, left=380)
    ]


def test_the_middle_of_the_face_decides_in_a_region_of_any_shape() -> None:
    triangle = Area(stream(regions=[[[0, 0], [1, 0], [0, 1]]]))
    view = triangle.view(portrait())
    assert triangle.has(Detection(10, 10, 50, 50, 0.9), view)
    assert not triangle.has(Detection(WIDTH - 60, HEIGHT - 60, 50, 50, 0.9), view)


def test_only_the_picture_around_the_regions_is_searched() -> None:
    view = Area(stream(regions=[RIGHT_HALF], detect_width=160)).view(portrait())
    assert view.searched.shape == (160, 142, 3)
    found = view.in_frame(Detection(0, 0, 71, 80, 0.9))
    assert (found.x, found.y, found.width, found.height) == pytest.approx((320, 0, 160, 180), abs=1)


def test_what_is_masked_is_seen_by_nobody(yunet_model: Path) -> None:
    assert len(faces(yunet_model, left=20, masks=[RIGHT_HALF])) == 1
    assert faces(yunet_model, left=20, masks=[LEFT_HALF]) == []


def test_masks_blacken_the_picture_that_crops_are_cut_from_and_not_the_source() -> None:
    pixels = portrait()
    before = pixels.copy()
    view = Area(stream(masks=[LEFT_HALF])).view(pixels)
    assert not view.pixels[:, : WIDTH // 2].any()
    assert (view.pixels[:, WIDTH // 2 + 1 :] == before[:, WIDTH // 2 + 1 :]).all()
    assert (pixels == before).all()


def test_without_masks_nothing_is_copied() -> None:
    pixels = portrait()
    assert Area(stream()).view(pixels).pixels is pixels


def test_a_region_smaller_than_a_pixel_harms_nobody(yunet_model: Path) -> None:
    for corner in (0.0, 1.0):
        assert faces(yunet_model, left=20, regions=[[[corner, corner]] * 3]) == []


@pytest.mark.parametrize("polygons", [[[[0, 0], [1, 1]]], [[[0, 0], [1, 0], [0, 1.5]]], [[[0, 0], [1], [1, 1]]]])
@pytest.mark.parametrize("name", ["regions", "masks"])
def test_what_is_no_polygon_is_refused(name: str, polygons: object) -> None:
    with pytest.raises(ValueError, match=rf"{name}"):
        stream(**{name: polygons})


def test_it_works_in_frames_of_any_size() -> None:
    area = Area(stream(regions=[RIGHT_HALF], masks=[LEFT_HALF]))
    for shape in ((90, 160, 3), (1080, 1920, 3)):
        view = area.view(np.full(shape, 200, np.uint8))
        assert view.left == shape[1] // 2
        assert view.pixels[0, 0].tolist() == [0, 0, 0]


def test_what_two_masks_share_is_masked_and_what_two_regions_share_is_searched() -> None:
    middle, whole = [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]], [[0, 0], [1, 0], [1, 1], [0, 1]]
    for masks in ([LEFT_HALF, middle], [whole, middle], [middle, middle], [whole, whole, middle]):
        masked = Area(stream(masks=masks)).view(np.full((100, 100, 3), 255, np.uint8)).pixels
        assert not masked[31:69, 31:69].any(), masks
    area = Area(stream(regions=[LEFT_HALF, middle, middle]))
    view = area.view(portrait())
    assert area.has(Detection(0.35 * WIDTH, 0.5 * HEIGHT, 2, 2, 0.9), view)
