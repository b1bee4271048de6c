"""Training faces moved, turned, scaled, mirrored (one affine warp), relit, partly covered and blended."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.recipe import Augmentation

Faces8 = NDArray[np.uint8]
FacesF = NDArray[np.float32]


def scaled(faces: Faces8, side: int) -> FacesF:
    """Scale faces (N, H, W) to (N, side, side, 1) float32, values 0..255.

    Bilinear without anti-aliasing, as the warp of `augmented` and Keras' Resizing do it, so that
    training, scoring and the exported graph see the same pixels.
    """
    if faces.shape[1:] == (side, side):
        return faces[..., None].astype(np.float32)
    out = np.empty((len(faces), side, side, 1), np.float32)
    for index, face in enumerate(faces):
        out[index, :, :, 0] = cv2.resize(face, (side, side), interpolation=cv2.INTER_LINEAR)
    return out


def augmented(faces: Faces8, side: int, how: Augmentation, rng: np.random.Generator) -> FacesF:
    """Give each of the faces (N, H, W) a random change; (N, side, side, 1) float32, values 0..255."""
    count, source = len(faces), faces.shape[1]
    maps = _affine_maps(count, source, side, how, rng)
    contrast = 1 + how.contrast * rng.uniform(-1, 1, count)
    light = 255 * how.light * rng.uniform(-1, 1, count)
    out = np.empty((count, side, side), np.float32)
    for index, face in enumerate(faces):
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        out[index] = cv2.warpAffine(face, maps[index], (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    means = out.mean(axis=(1, 2), keepdims=True)
    out = (out - means) * contrast[:, None, None] + means + light[:, None, None]
    np.clip(out, 0, 255, out=out)
    _cover(out, how, rng)
    return np.asarray(out[..., None], np.float32)


def mixed(faces: FacesF, labels: FacesF, strength: float, rng: np.random.Generator) -> tuple[FacesF, FacesF]:
    """Blend each face (N, side, side, 1) with another one of the batch, and their labels (N, classes) likewise.

    Mixup, Zhang et al. 2018: shares are drawn from Beta(strength, strength). A strength of 0 changes nothing.
    """
    if not strength:
        return faces, labels
    share = rng.beta(strength, strength, len(faces)).astype(np.float32)
    other = rng.permutation(len(faces))
    of_face, of_label = share[:, None, None, None], share[:, None]
    return of_face * faces + (1 - of_face) * faces[other], of_label * labels + (1 - of_label) * labels[other]


def _affine_maps(count: int, source: int, side: int, how: Augmentation, rng: np.random.Generator) -> NDArray[Any]:
    """Matrices (N, 2, 3) from pixels of the result to pixels of the source face."""
    angle = np.deg2rad(how.turn) * rng.uniform(-1, 1, count)
    scale = source / side / np.exp(np.log1p(how.zoom) * rng.uniform(-1, 1, count))
    mirror = np.where(rng.random(count) < how.mirror, -1.0, 1.0)
    shift = source * how.shift * rng.uniform(-1, 1, (count, 2))
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    maps = np.empty((count, 2, 3), np.float64)
    maps[:, 0, 0], maps[:, 0, 1] = cosine * mirror, -sine
    maps[:, 1, 0], maps[:, 1, 1] = sine * mirror, cosine
    # Pixel centres: the middle of the result goes to the (shifted) middle of the source.
    middle = np.full(2, (side - 1) / 2)
    maps[:, :, 2] = (source - 1) / 2 + shift - maps[:, :, :2] @ middle
    return maps


def _cover(faces: FacesF, how: Augmentation, rng: np.random.Generator) -> None:
    """Cover a square of some faces (N, side, side) with their mean grey, in place."""
    side = faces.shape[1]
    square = max(1, round(how.cutout_size * side))
    chosen = np.flatnonzero(rng.random(len(faces)) < how.cutout)
    corners = rng.integers(-square // 2, side - square // 2, (len(faces), 2))
    for index in chosen:
        top, left = corners[index]
        patch = np.s_[max(0, top) : max(0, top + square), max(0, left) : max(0, left + square)]
        faces[index][patch] = faces[index].mean()
