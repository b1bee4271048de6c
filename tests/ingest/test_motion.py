"""The motion gate: still pictures cost no detection, and nobody in them is lost."""

from pathlib import Path

import numpy as np

from ingest.motion import MotionGate
from ingest.sources.base import Pixels
from tests.ingest.films import HEIGHT, WIDTH, analysed, empty_room, filmed, portrait, stream

FPS = 25
SHARE = 0.002
NOISE = [np.random.default_rng(seed).normal(0, 5, (HEIGHT, WIDTH, 3)) for seed in range(7)]


def noisy(pixels: Pixels, number: int) -> Pixels:
    """Return a picture with the noise of a sensor."""
    return np.clip(pixels + NOISE[number % len(NOISE)], 0, 255).astype(np.uint8)


def test_an_empty_room_is_looked_at_every_few_seconds_and_who_enters_is_seen_at_once(yunet_model: Path) -> None:
    room = [noisy(empty_room(), number) for number in range(6 * FPS)]
    picture = portrait()
    visitor = [noisy(picture, number) for number in range(3)]
    analysis, found = analysed(stream(motion_gate=SHARE), filmed(room + visitor, fps=FPS), yunet_model)
    assert [frame.frame for frame in found][:3] == [0, 5 * FPS, 6 * FPS]
    assert analysis.skipped["motion"] == len(room) + len(visitor) - len(found)
    assert len(found[2].crops) == 1


def test_a_face_that_keeps_still_stays_one_track(yunet_model: Path) -> None:
    picture = portrait()
    still = [noisy(picture, number) for number in range(4 * FPS)]
    analysis, found = analysed(stream(motion_gate=SHARE), filmed(still, fps=FPS), yunet_model)
    assert 7 <= len(found) <= 10, "twice a second"
    assert {crop.track for frame in found for crop in frame.crops} == {"r-1"}
    assert not any(frame.ended_tracks for frame in found)
    assert analysis.skipped["motion"] == len(still) - len(found)


def test_slow_moves_add_up(yunet_model: Path) -> None:
    slow = [portrait(left=100 + step // 4) for step in range(2 * FPS)]
    _, found = analysed(stream(motion_gate=SHARE), filmed(slow, fps=FPS), yunet_model)
    assert len(found) >= 6
    assert {crop.track for frame in found for crop in frame.crops} == {"r-1"}


def test_after_a_reconnect_the_first_picture_is_always_looked_at(yunet_model: Path) -> None:
    frames = list(filmed([portrait()] * 2, fps=FPS)) * 2
    analysis, found = analysed(stream(motion_gate=SHARE), frames, yunet_model)
    assert [frame.frame for frame in found] == [0, 0]
    assert found[1].ended_tracks == ("r-1",)
    assert analysis.skipped["motion"] == 2


def test_without_a_share_everything_goes_through() -> None:
    gate = MotionGate(None)
    assert all(gate.lets_through(empty_room(), step / FPS, faces=True) for step in range(5))
