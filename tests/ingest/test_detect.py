"""The detectors on real pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest.detect.base import Detection, Detector, largest, scaled_down
from ingest.detect.choose import make_detector
from ingest.detect.haar import Haar
from ingest.detect.yunet import YuNet
from ingest.sources.base import Pixels
from ingest.sources.demo import DemoCamera
from moodline.errors import ModelError
from moodline.settings import StreamSettings
from tests.ingest.films import overlap
from tests.support.needs import shared


def picture(name: str) -> Pixels:
    pixels = cv2.imread(str(shared(f"data/media/{name}")))
    assert pixels is not None
    return scaled_down(pixels.astype(np.uint8), 640)[0]


def stream(**settings: object) -> StreamSettings:
    return StreamSettings.model_validate({"id": "door", "url": "demo", **settings})


@pytest.fixture(scope="session", params=["yunet", "haar"])
def detector(request: pytest.FixtureRequest, yunet_model: Path) -> Detector:
    return make_detector(stream(detector=request.param), yunet_model)


@pytest.mark.parametrize("name", ["happy", "sad", "angry", "neutral", "surprised"])
def test_both_detectors_find_the_face_of_a_portrait(detector: Detector, name: str) -> None:
    pixels = picture(f"stills/faceapi_{name}.jpg")
    faces = largest(detector.detect(pixels), at_least=24, at_most=1)
    assert len(faces) == 1
    assert faces[0].width > pixels.shape[1] / 6


@pytest.mark.parametrize("name", ["dlib_eagle.jpg", "dlib_horses.jpg", "fer_no-faces.jpg"])
def test_yunet_finds_nothing_where_there_is_no_face(yunet_model: Path, name: str) -> None:
    assert YuNet(yunet_model, score_threshold=0.7).detect(picture(f"no_face/{name}")) == ()


def test_both_detectors_see_the_demo_cameras_face(detector: Detector) -> None:
    demo = DemoCamera(fps=2, pause=lambda _: True)
    demo.open()
    frames = [frame.pixels for frame, _ in zip(demo.frames(), range(40), strict=False)]
    seen = sum(len(detector.detect(pixels)) == 1 for pixels in frames)
    assert seen >= 36
    assert all(pixels.shape == (360, 640, 3) for pixels in frames)


def test_both_detectors_mean_the_same_box(yunet_model: Path) -> None:
    pixels = picture("stills/faceapi_neutral.jpg")
    one = largest(YuNet(yunet_model, score_threshold=0.7).detect(pixels), at_least=24, at_most=1)[0]
    other = largest(Haar().detect(pixels), at_least=24, at_most=1)[0]
    assert overlap(one, other) > 0.6


def test_the_largest_faces_are_taken_and_the_smallest_left_out() -> None:
    faces = [Detection(0, 0, side, side, 0.9) for side in (10.0, 50.0, 30.0, 40.0)]
    assert [face.width for face in largest(faces, at_least=20, at_most=2)] == [50, 40]
    assert [face.width for face in largest(faces, at_least=20, at_most=9)] == [50, 40, 30]


@pytest.mark.parametrize(
    ("shape", "small"), [((360, 640), (360, 640)), ((1080, 1920), (360, 640)), ((2000, 100), (640, 32))]
)
def test_a_frame_is_scaled_down_and_never_up(shape: tuple[int, int], small: tuple[int, int]) -> None:
    pixels, factor = scaled_down(np.zeros((*shape, 3), np.uint8), 640)
    assert pixels.shape == (*small, 3)
    assert factor == pytest.approx(small[0] / shape[0])


def test_a_tiny_picture_has_no_face(detector: Detector) -> None:
    assert len(detector.detect(np.zeros((3, 200, 3), np.uint8))) == 0


def test_auto_falls_back_to_haar_but_yunet_is_insisted_on() -> None:
    assert isinstance(make_detector(stream(), None), Haar)
    with pytest.raises(ModelError, match=r"Stream door wants the detector yunet.*ingest\.detector_model"):
        make_detector(stream(detector="yunet"), None)


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "yunet.onnx"
    damaged.write_bytes(b"no network")
    with pytest.raises(ModelError, match=r"yunet\.onnx cannot be loaded: it is damaged or not YuNet"):
        make_detector(stream(), damaged)
