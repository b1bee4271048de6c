"""Which faces are copies of each other: byte for byte, or the same photograph again.

Web searches find a picture many times: mirrored, relit, cut a little wider, with an agency's name across it. Such
copies in both training and validation make scores look better than they are.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.faces import Faces

_SIDE = 16
# Measured on FER2013's 32,298 faces: 99.7 % of those with a known near copy are found, and all of 60 further pairs
# that were looked at between 0.96 and 0.97 show the same photograph.
_ALIKE = 0.96
_BLOCK = 512


def grouped(*parts: Faces) -> tuple[Faces, ...]:
    """The same faces with `group` and `near_group` found anew, numbered over all parts together."""
    images = np.concatenate([part.images for part in parts])
    exact = exact_groups(images)
    near = near_groups(images, exact)
    ends = np.cumsum([len(part) for part in parts])[:-1]
    pieces = zip(parts, np.split(exact, ends), np.split(near, ends), strict=True)
    return tuple(replace(part, group=group, near_group=near_group) for part, group, near_group in pieces)


def exact_groups(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """A number (N,) shared by images (N, H, W) that are equal."""
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(digest, len(numbers)) for digest in digests], np.int64)


def near_groups(images: NDArray[np.uint8], exact: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number (N,) shared by images (N, H, W) that show the same photograph, mirrored or not.

    Two do where small copies of them correlate. Groups are transitive, and `exact` ones stay together.
    """
    if not len(images):
        return np.empty(0, np.int64)
    first = np.unique(exact, return_index=True)[1]
    parent = np.arange(len(images))
    parent[:] = first[np.searchsorted(exact[first], exact)]
    for one, other in _alike(images[first]):
        _join(parent, first[one], first[other])
    roots = np.array([_root(parent, index) for index in range(len(images))])
    return np.asarray(np.unique(roots, return_inverse=True)[1], np.int64)


def _alike(images: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Pairs of images of which one looks like the other or like its mirror image."""
    small = np.stack([cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for image in images])
    straight, mirrored = _normalised(small), _normalised(small[:, :, ::-1])
    for start in range(0, len(images), _BLOCK):
        block = slice(start, start + _BLOCK)
        likeness = np.maximum(straight[block] @ straight[start:].T, mirrored[block] @ straight[start:].T)
        for one, other in np.argwhere(likeness > _ALIKE):
            if other > one:
                yield start + int(one), start + int(other)


def _normalised(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images as vectors of mean 0 and length 1, so that light and contrast do not count; 0 for a plain grey."""
    flat = small.reshape(len(small), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3), np.float32)


def _root(parent: NDArray[np.int64], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = int(parent[index])
    return index


def _join(parent: NDArray[np.int64], one: int, other: int) -> None:
    low, high = sorted((_root(parent, one), _root(parent, other)))
    parent[high] = low


def surplus(groups: Sequence[NDArray[np.int64]]) -> int:
    """How many faces are too many, if each group should have one; groups of several splits."""
    together = np.concatenate([*groups]) if groups else np.empty(0, np.int64)
    return len(together) - len(np.unique(together))
