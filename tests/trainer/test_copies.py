"""Copies are found without anybody having said which they are."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.support.needs import shared
from trainer.data import Faces, grouped, read_split
from trainer.data.copies import exact_groups, near_groups
from trainer.labels import away_from


def portraits(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth pictures, each unlike the others."""
    noise = np.random.default_rng(seed).integers(0, 255, (count, 7, 7)).astype(np.uint8)
    return np.stack([cv2.resize(one, (48, 48), interpolation=cv2.INTER_CUBIC) for one in noise])


def groups_of(images: NDArray[np.uint8]) -> list[int]:
    return [int(number) for number in near_groups(images, exact_groups(images))]


def test_the_same_photograph_is_known_again_however_it_was_changed() -> None:
    one, other = portraits(2)
    brighter = cv2.convertScaleAbs(one, alpha=0.7, beta=60)
    wider = cv2.resize(cv2.copyMakeBorder(one, 1, 1, 1, 1, cv2.BORDER_REPLICATE), (48, 48))
    named = one.copy()
    named[40:44, 8:40] = 128
    changed = [one, one.copy(), brighter, wider, np.ascontiguousarray(one[:, ::-1]), named, other]
    assert groups_of(np.stack(changed).astype(np.uint8)) == [0, 0, 0, 0, 0, 0, 1]


def test_other_pictures_and_plain_greys_are_no_copies() -> None:
    plain = np.stack([np.full((48, 48), grey, np.uint8) for grey in (0, 100, 200)])
    images = np.concatenate([portraits(60), plain])
    assert len(set(groups_of(images))) == len(images)


def test_copies_are_found_across_parts() -> None:
    images = portraits(5)
    train, validation = Faces.of(list(images[:4]), [0] * 4), Faces.of([images[2][:, ::-1], images[4]], [0, 0])
    train, validation = grouped(train, validation)
    assert away_from(validation, train).tolist() == [False, True]


def test_no_faces_have_no_copies() -> None:
    assert groups_of(np.empty((0, 48, 48), np.uint8)) == []


def test_on_fer2013_nearly_all_known_near_copies_are_found() -> None:
    faces = read_split(shared("data/fer2013"), "validation")
    found = grouped(faces)[0].near_group
    known = faces.near_group
    first, second = np.triu_indices(len(faces), 1)
    copies = known[first] == known[second]
    together = found[first] == found[second]
    assert copies.sum() >= 30
    assert (together & copies).sum() >= 0.95 * copies.sum()
    assert (together & ~copies).sum() <= 30  # looked at: the same photographs, which the given list lacks
