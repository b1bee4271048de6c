"""The margin around a face's box is the measured one: ingest frames faces as the model's pictures are framed."""

import numpy as np
import pytest

from bench.case import Context
from bench.cases.margin import YUNET, Effect, effects
from ingest.detect.yunet import YuNet
from moodline.settings import StreamSettings, WorkerSettings
from tests.support.needs import SHARED, shared
from trainer.data import read_split
from worker.model import load_classifier

FACES = 80


@pytest.fixture(scope="module")
def measured() -> tuple[float, dict[float, Effect]]:
    detector = YuNet(shared(YUNET), score_threshold=0.7)
    faces = read_split(shared("data/fer2013"), "validation").where(np.arange(FACES))
    context = Context(repetitions=1, shared=SHARED)
    share, found = effects(context, load_classifier(WorkerSettings()), detector, faces, margins=(0.0, 0.3))
    return share, {one.margin: one for one in found}


def test_yunets_box_is_as_large_as_the_pictures_that_the_model_learned_from(
    measured: tuple[float, dict[float, Effect]],
) -> None:
    assert measured[0] == pytest.approx(1, abs=0.05)


def test_the_default_margin_is_better_than_a_wide_one(measured: tuple[float, dict[float, Effect]]) -> None:
    default = StreamSettings.model_validate({"id": "still", "url": "demo"}).crop_margin
    ours, wide = measured[1][default], measured[1][0.3]
    assert ours.fer > wide.fer + 0.05
    assert ours.right >= 4
    assert ours.right > wide.right
    assert ours.likely > wide.likely
