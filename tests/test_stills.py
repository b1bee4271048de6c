"""From a picture to the right emotion: ingest's own crop through the worker's own model."""

import time

import cv2
import numpy as np
import pytest

from ingest.analysis import Analysis
from ingest.detect.choose import make_detector
from ingest.sources.base import Frame
from moodline.crop import CROP_SIDE
from moodline.settings import StreamSettings, WorkerSettings
from tests.support.needs import shared
from worker.model import Classifier, load_classifier

STILLS = {"happy": "happy", "sad": "sad", "angry": "angry", "neutral": "neutral", "surprised": "surprise"}


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier(WorkerSettings(batch_size=1))


def emotion_of(picture: str, classifier: Classifier) -> str:
    """Return the emotion of the largest face of a still, with all settings at their defaults."""
    pixels = cv2.imread(str(shared(f"data/media/stills/{picture}")))
    assert pixels is not None
    stream = StreamSettings.model_validate({"id": "still", "url": picture})
    detector = make_detector(stream, shared("models/face_detection_yunet_2023mar.onnx"))
    frame = Frame(number=0, pixels=pixels.astype(np.uint8), captured_at_ms=0, monotonic_s=time.monotonic(), media_ms=0)
    found = Analysis(stream, detector, prefix="t").analyse(frame)
    assert found is not None
    crop = max(found.crops, key=lambda crop: crop.box.width)
    face = np.frombuffer(crop.pixels, np.uint8).reshape(1, CROP_SIDE, CROP_SIDE)
    return classifier.labels[int(classifier.predict(face)[0].argmax())]


def test_at_least_four_of_five_portraits_get_the_emotion_that_people_see(classifier: Classifier) -> None:
    answers = {name: emotion_of(f"faceapi_{name}.jpg", classifier) for name in STILLS}
    right = sum(answers[name] == emotion for name, emotion in STILLS.items())
    assert right >= 4, answers
