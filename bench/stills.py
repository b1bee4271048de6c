"""A film cut together from stills of known emotions, so that it is known when an emotion really changes."""

import csv
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

FPS: Final = 25
SHOWN_S: Final = 2.4
"""How long each still stands."""
_SIZE: Final = (640, 360)
_FACE: Final = 144
_SIDE: Final = 48
_CELLS_PER_ROW: Final = 32
_NOISE: Final = 5.0
_VOTES: Final = {
    "neutral": "votes_neutral",
    "happy": "votes_happiness",
    "surprise": "votes_surprise",
    "sad": "votes_sadness",
    "angry": "votes_anger",
    "fear": "votes_fear",
    "disgust": "votes_disgust",
}
_LEAST_VOTES: Final = 8


@dataclass(frozen=True, slots=True)
class Still:
    """A face, 48x48 grey, and what at least eight of ten people called its emotion."""

    emotion: str
    face: Picture


def clear_stills(folder: Path, count: int) -> list[Still]:
    """Return faces of FER2013's validation set of which people agree, no emotion twice in a row; always the same."""
    found: dict[str, list[Still]] = {}
    sheets: dict[str, Picture] = {}
    with (folder / "validation.csv").open(newline="") as table:
        for line in csv.DictReader(table):
            emotion = line["emotion"]
            if int(line[_VOTES[emotion]]) < _LEAST_VOTES:
                continue
            if line["sheet"] not in sheets:
                sheet = cv2.imread(str(folder / line["sheet"]), cv2.IMREAD_GRAYSCALE)
                sheets[line["sheet"]] = cast("Picture", sheet)
            y, x = (place * _SIDE for place in divmod(int(line["cell"]), _CELLS_PER_ROW))
            found.setdefault(emotion, []).append(Still(emotion, sheets[line["sheet"]][y : y + _SIDE, x : x + _SIDE]))
    return _shuffled(found, count)


def _shuffled(found: dict[str, list[Still]], count: int) -> list[Still]:
    chance = random.Random(4)
    chosen: list[Still] = []
    while len(chosen) < count:
        emotion = chance.choice(sorted(found))
        if not chosen or chosen[-1].emotion != emotion:
            chosen.append(chance.choice(found[emotion]))
    return chosen


def write_film(path: Path, stills: Sequence[Still]) -> None:
    """Write a film of 640x360 in which one head shows still after still; it moves a little, and the camera is noisy."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, _SIZE)
    try:
        for frame in _frames(stills):
            writer.write(frame)
    finally:
        writer.release()


def _frames(stills: Sequence[Still]) -> Iterator[Picture]:
    noise = np.random.default_rng(4)
    width, height = _SIZE
    backdrop = cv2.resize(noise.integers(60, 190, (9, 16, 3), np.uint8), _SIZE, interpolation=cv2.INTER_CUBIC)
    for number in range(round(len(stills) * SHOWN_S * FPS)):
        at_s = number / FPS
        face = cv2.cvtColor(stills[int(at_s / SHOWN_S)].face, cv2.COLOR_GRAY2BGR)
        zoom = _FACE / _SIDE * (1 + 0.04 * math.sin(1.3 * at_s))
        left = width / 2 - _FACE / 2 + 12 * math.sin(0.9 * at_s)
        top = height / 2 - _FACE / 2 + 6 * math.sin(1.7 * at_s)
        move = np.array([[zoom, 0, left], [0, zoom, top]])
        frame = cv2.warpAffine(
            face, move, _SIZE, backdrop.copy(), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_TRANSPARENT
        )
        grain = noise.normal(8 * math.sin(0.7 * at_s), _NOISE, frame.shape)
        yield np.clip(frame + grain, 0, 255).astype(np.uint8)
