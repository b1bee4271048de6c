"""Pictures in a folder for each emotion."""

import cv2
import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from trainer.data.faces import SIDE, Faces, emotion_index
from trainer.data.findings import Findings
from trainer.data.tree import READ_ERRORS, Tree, join

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
_MOST_BYTES = 16 << 20  # a cut-out face is thousands of times smaller


def pictures_in(tree: Tree, folder: str) -> list[str]:
    """Names of the files in a folder that are pictures by their name, sorted."""
    return [file for file in tree.files(folder) if file.lower().endswith(_PICTURES)]


def read_pictures(tree: Tree, path: str, findings: Findings) -> Faces:
    """The faces of the folders `<path>/<emotion>`; what cannot be used is left out and noted in `findings`."""
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for name in tree.folders(path):
        folder, label = join(path, name), emotion_index(name)
        pictures = pictures_in(tree, folder)
        for file in sorted(set(tree.files(folder)) - set(pictures)):
            findings.add("no picture", join(folder, file))
        if label is None:
            findings.add("unknown folder", folder, len(pictures))
            continue
        if not pictures:
            findings.add("empty emotion", folder)
        for file in pictures:
            image = _read(tree, join(folder, file), findings)
            if image is not None:
                images.append(image)
                labels.append(label)
    _note_missing(labels, findings)
    return Faces.of(images, labels)


def _note_missing(labels: list[int], findings: Findings) -> None:
    for index, emotion in enumerate(EMOTIONS):
        if index not in labels:
            findings.add("missing emotion", emotion)


def _read(tree: Tree, path: str, findings: Findings) -> NDArray[np.uint8] | None:
    try:
        content = b"" if tree.size(path) > _MOST_BYTES else _content(tree, path)
    except READ_ERRORS:
        content = b""
    image = decode(content)
    if image is None:
        findings.add("unreadable picture", path)
        return None
    if image.shape != (SIDE, SIDE):
        findings.add("other size", f"{path} ({image.shape[1]}x{image.shape[0]})")
    return fitted(image)


def _content(tree: Tree, path: str) -> bytes:
    with tree.open(path) as file:
        return file.read()


def decode(content: bytes) -> NDArray[np.uint8] | None:
    """A picture as grey values, None for what is none."""
    if not content:
        return None
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # larger than OPENCV_IO_MAX_IMAGE_PIXELS, or a header that lies
        return None
    return None if image is None else np.asarray(image, np.uint8)


def fitted(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey picture of any size as 48x48, as ingest scales its crops."""
    if image.shape == (SIDE, SIDE):
        return image
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
