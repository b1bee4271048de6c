"""What each extra pulls in, followed through the installed distributions."""

import pytest
from packaging.requirements import Requirement

from tests.support.repository import requirement_texts
from tests.support.requirements import closure

HEAVY = {"tensorflow", "keras", "openvino"}
OPENCV = {"opencv-python", "opencv-python-headless", "opencv-contrib-python"}


@pytest.mark.parametrize("extra", ["ingest", "api", "jobs"])
def test_only_worker_and_trainer_install_an_inference_engine(extra: str) -> None:
    assert not closure(extra) & HEAVY


@pytest.mark.parametrize("extra", ["api", "worker", "jobs"])
def test_opencv_is_installed_only_where_pictures_are_read(extra: str) -> None:
    assert not closure(extra) & OPENCV


def test_the_services_that_need_them_get_them() -> None:
    assert closure("worker") >= HEAVY
    assert closure("ingest") & OPENCV == {"opencv-python-headless"}


def test_all_is_every_service() -> None:
    texts = requirement_texts()
    (everything,) = (Requirement(text) for text in texts["all"])

    assert everything.name == "moodline"
    assert everything.extras == texts.keys() - {"", "all", "dev", "jax"}  # JAX is there instead of TensorFlow
