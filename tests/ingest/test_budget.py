"""The classification budget of one face."""

import cv2
import numpy as np
import pytest

from ingest.budget import CropBudget
from ingest.crops import cut_face
from ingest.detect.base import Detection
from tests.support.needs import shared


def crop_of(name: str, *, blur: float = 0.0) -> bytes:
    """Return the middle of a portrait as a crop."""
    pixels = cv2.imread(str(shared(f"data/media/stills/faceapi_{name}.jpg")))
    assert pixels is not None
    side = min(pixels.shape[:2]) * 0.6
    height, width = pixels.shape[:2]
    face = Detection((width - side) / 2, (height - side) / 2, side, side, 0.9)
    crop = cut_face(pixels.astype(np.uint8), face, margin=0)
    return _blurred(crop, blur) if blur else crop


def _blurred(crop: bytes, sigma: float) -> bytes:
    grey = np.frombuffer(crop, np.uint8).reshape(48, 48)
    return cv2.GaussianBlur(grey, (0, 0), sigma).tobytes()


def noisy(crop: bytes, seed: int) -> bytes:
    """Return a crop as a sensor would see it again."""
    noise = np.random.default_rng(seed).normal(0, 4, 48 * 48)
    return np.clip(np.frombuffer(crop, np.uint8) + noise, 0, 255).astype(np.uint8).tobytes()


def taken(budget: CropBudget, crops: list[bytes], *, area: float = 10_000, fps: float = 25) -> list[int]:
    return [step for step, crop in enumerate(crops) if budget.takes(step / fps, crop, area=area)]


def test_a_face_that_keeps_still_is_classified_as_often_as_the_budget_says() -> None:
    crops = [noisy(crop_of("neutral"), seed) for seed in range(100)]
    assert len(taken(CropBudget(1), crops)) == pytest.approx(4, abs=1)


def test_without_a_budget_every_crop_is_classified() -> None:
    assert taken(CropBudget(None), [crop_of("neutral")] * 10) == list(range(10))


def test_a_face_that_changes_is_classified_at_once() -> None:
    crops = [crop_of("neutral")] * 12 + [crop_of("happy")] * 38
    assert taken(CropBudget(1), crops)[:2] == [0, 12]


def test_a_face_that_grew_or_got_sharper_is_classified_sooner() -> None:
    budget, crop = CropBudget(1), crop_of("neutral")
    assert budget.takes(0.0, crop, area=10_000)
    assert not budget.takes(0.5, crop, area=12_000)
    assert budget.takes(0.54, crop, area=16_000)
    budget = CropBudget(1)
    assert budget.takes(0.0, crop_of("neutral", blur=1.5), area=10_000)
    assert budget.takes(0.5, crop_of("neutral"), area=10_000)


def test_a_face_that_always_changes_gets_three_times_its_budget_and_no_more() -> None:
    crops = [crop_of("happy" if step % 2 else "neutral") for step in range(250)]
    assert len(taken(CropBudget(1), crops)) == pytest.approx(30, abs=3)
