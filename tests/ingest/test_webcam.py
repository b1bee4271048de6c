"""Webcams, with a fake device behind the seam to OpenCV."""

from collections.abc import Sequence
from itertools import islice

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from ingest.sources.base import NotFound, Pixels, Stalled
from ingest.sources.webcam import Webcam
from moodline.settings import StreamSettings


class FakeDevice:
    """A camera that gives so many frames and is then unplugged."""

    def __init__(self, frames: int, *, grey: bool = False) -> None:
        self._left = frames
        self._shape = (48, 64) if grey else (48, 64, 3)
        self.properties: dict[int, float] = {}
        self.released = False
        self.least_width = 0.0
        self.grabbed = self.retrieved = 0

    def __call__(self, source: str | int, backend: int, params: Sequence[int]) -> "FakeDevice":
        self.asked = (source, backend, tuple(params))
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return self._left > 0

    def grab(self) -> bool:
        self._left -= 1
        self.grabbed += 1
        return self._left >= 0

    def retrieve(self) -> tuple[bool, Pixels | None]:
        self.retrieved += 1
        return True, np.full(self._shape, 7, np.uint8)

    def get(self, prop: int, /) -> float:
        return self.properties.get(prop, 0.0)

    def set(self, prop: int, value: float, /) -> bool:
        self.properties[prop] = max(value, self.least_width) if prop == cv2.CAP_PROP_FRAME_WIDTH else value
        return True

    def release(self) -> None:
        self.released = True


@pytest.mark.parametrize(("device", "number"), [("0", 0), ("2", 2), ("/dev/video1", 1)])
def test_frames_come_until_the_camera_is_unplugged(device: str, number: int) -> None:
    fake = FakeDevice(3)
    webcam = Webcam(device, opener=fake)
    webcam.open()
    frames = webcam.frames()
    seen = [next(frames) for _ in range(3)]
    with pytest.raises(Stalled, match=f"Webcam {number} gives no more frames"):
        next(frames)
    webcam.close()
    assert fake.asked[0] == number
    assert fake.properties[cv2.CAP_PROP_BUFFERSIZE] == 1
    assert fake.released
    assert [frame.number for frame in seen] == [0, 1, 2]
    assert all(frame.media_ms is None for frame in seen)
    assert [frame.continues for frame in seen] == [False, True, True]


def test_numbers_go_on_when_it_is_plugged_in_again() -> None:
    device = FakeDevice(4)
    webcam = Webcam("0", opener=device)
    webcam.open()
    assert [frame.number for frame in islice(webcam.frames(), 2)] == [0, 1]
    webcam.close()
    webcam.open()
    assert next(webcam.frames()).number == 2


def test_a_grey_camera_is_shown_in_three_channels() -> None:
    webcam = Webcam("0", opener=FakeDevice(1, grey=True))
    webcam.open()
    assert next(webcam.frames()).pixels.shape == (48, 64, 3)


def test_a_camera_that_is_not_there_is_told_in_a_sentence() -> None:
    with pytest.raises(NotFound, match=r"There is no webcam 97 on this machine \(/dev/video97 is missing\)"):
        Webcam("97", opener=FakeDevice(0)).open()


def test_every_frame_is_grabbed_and_only_those_that_are_wanted_become_pictures() -> None:
    device = FakeDevice(10)
    webcam = Webcam("0", opener=device, wanted=lambda _at_s: device.grabbed % 4 == 1)
    webcam.open()
    assert [frame.number for frame in islice(webcam.frames(), 3)] == [0, 4, 8]
    assert (device.grabbed, device.retrieved) == (9, 3)


def test_a_camera_is_asked_for_a_format_and_a_size_and_tells_what_it_does_not_have(
    caplog: pytest.LogCaptureFixture,
) -> None:
    device = FakeDevice(1)
    Webcam("0", size=(1280, 720), pixel_format="MJPG", opener=device).open()
    assert device.properties[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    asked = list(device.properties)
    assert asked.index(cv2.CAP_PROP_FOURCC) < asked.index(cv2.CAP_PROP_FRAME_WIDTH), "the format says which sizes"
    assert caplog.text == ""
    device.least_width = 1920
    Webcam("0", size=(1280, 720), opener=device).open()
    assert "Webcam 0 gives 1920x720 instead of 1280x720." in caplog.text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "demo", "camera_size": "1280x720"}, "is only for webcams"),
        ({"url": "0", "camera_size": "large"}, "as in 1280x720"),
        ({"url": "0", "camera_format": "mjpeg"}, "as in MJPG"),
        ({"url": "rtsp://cam/1", "live": True}, "is only for http"),
    ],
)
def test_wrong_options_are_told_in_a_sentence(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        StreamSettings.model_validate({"id": "s", **settings})
