"""From real clips and pictures to crops."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.analysis import Analysis
from ingest.detect.base import Detection
from ingest.detect.choose import make_detector
from ingest.sources.base import Frame, Pixels
from ingest.sources.factory import SourceContext, make_source
from moodline.crop import FrameCrops
from moodline.settings import IngestSettings, StreamSettings
from tests.support.needs import shared


def stream(media: Path, **settings: object) -> StreamSettings:
    return StreamSettings.model_validate({"id": "s", "url": str(media), **settings})


def frames_of(media: Path) -> list[Frame]:
    source = make_source(stream(media), IngestSettings(), SourceContext(lambda _: True))
    source.open()
    return list(source.frames())


def analysed(settings: StreamSettings, frames: list[Frame], model: Path) -> tuple[Analysis, list[FrameCrops]]:
    analysis = Analysis(settings, make_detector(settings, model), prefix="r")
    found = [analysis.analyse(frame) for frame in frames]
    return analysis, [frame for frame in found if frame is not None]


def tracks_of(frames: list[FrameCrops]) -> dict[str, list[int]]:
    """Return the frames in which each track was seen."""
    tracks: dict[str, list[int]] = {}
    for frame in frames:
        for crop in frame.crops:
            tracks.setdefault(crop.track, []).append(frame.frame)
    return tracks


def test_faces_of_a_film_are_followed_within_a_shot_and_never_over_a_cut(clip: Path, yunet_model: Path) -> None:
    found = analysed(stream(clip, detect_width=320), frames_of(clip), yunet_model)[1]
    tracks = tracks_of(found)
    assert sum(len(frame.crops) for frame in found) > 500
    assert max(len(seen) for seen in tracks.values()) > 100
    for cut in (20, 82, 211):
        assert not [track for track, seen in tracks.items() if seen[0] < cut <= seen[-1]]
    ended = [track for frame in found for track in frame.ended_tracks]
    assert len(ended) == len(set(ended))
    assert {track for track, seen in tracks.items() if seen[-1] < 211} <= set(ended)


@pytest.mark.parametrize("fps", [None, 5])
def test_one_person_is_one_track_at_any_rate(yunet_model: Path, fps: float | None) -> None:
    media = shared("data/media/fer_test.mp4")
    found = analysed(stream(media, fps=fps, detect_width=320), frames_of(media), yunet_model)[1]
    assert len(tracks_of(found)) == 1
    assert all(len(frame.crops) == 1 for frame in found)


def test_three_people_who_walk_are_three_tracks(yunet_model: Path) -> None:
    media = shared("data/media/intel_face-demographics-walking-and-pause.gif")
    found = analysed(stream(media, fps=5), frames_of(media), yunet_model)[1]
    assert [len(seen) for seen in tracks_of(found).values()] == [len(found)] * 3


def test_pictures_without_a_face_give_no_crop(yunet_model: Path) -> None:
    media = shared("data/media/no_face")
    found = analysed(stream(media), frames_of(media), yunet_model)[1]
    assert len(found) == 3
    assert all(frame.crops == () for frame in found)


def test_no_face_of_one_picture_is_followed_into_the_next(yunet_model: Path) -> None:
    media = shared("data/media/stills")
    found = analysed(stream(media), frames_of(media), yunet_model)[1]
    assert all(len(seen) == 1 for seen in tracks_of(found).values())


def test_boxes_are_in_pixels_of_the_full_frame(yunet_model: Path) -> None:
    media = shared("data/media/fer_test.mp4")
    frames = frames_of(media)[:3]
    wide = analysed(stream(media), frames, yunet_model)[1][0].crops[0].box
    small = analysed(stream(media, detect_width=320), frames, yunet_model)[1][0].crops[0].box
    assert (small.x, small.y, small.width, small.height) == pytest.approx(
        (wide.x, wide.y, wide.width, wide.height), abs=15
    )


def test_frames_between_two_detections_are_counted_as_skipped_by_rate(clip: Path, yunet_model: Path) -> None:
    analysis, found = analysed(stream(clip, fps=2, detect_width=320), frames_of(clip), yunet_model)
    assert len(found) == pytest.approx(9.17 * 2, abs=1)
    assert analysis.skipped["rate"] == 275 - len(found)


def test_each_track_has_its_own_budget_of_crops(yunet_model: Path) -> None:
    media = shared("data/media/intel_head-pose-face-detection-female-and-male.gif")
    frames = frames_of(media)
    analysis, found = analysed(stream(media, crops_per_second=2), frames, yunet_model)
    seen = tracks_of(found)
    assert [len(frames) for frames in seen.values()] == pytest.approx([9, 9], abs=1)
    crops = sum(len(frame.crops) for frame in found)
    assert analysis.skipped["budget"] == analysis.faces - crops > 3 * crops


class SizeDetector:
    """Finds nothing and remembers the size of what it was shown."""

    least_face = 12

    def __init__(self) -> None:
        self.size: tuple[int, ...] = ()

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        self.size = pixels.shape[:2]
        return ()


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, (180, 320)),  # every frame of a film: faces of 24 pixels get 12
        ({"min_face": 12}, (360, 640)),
        ({"detect_width": 160}, (90, 160)),
        ({"fps": 5}, (360, 640)),
    ],
)
def test_a_film_is_searched_as_finely_as_its_least_faces_need(
    clip: Path, settings: dict[str, object], size: tuple[int, int]
) -> None:
    detector = SizeDetector()
    Analysis(stream(clip, **settings), detector, prefix="r").analyse(frames_of(clip)[0])
    assert detector.size == size


def test_the_stages_say_how_long_each_took(yunet_model: Path) -> None:
    media = shared("data/media/stills/faceapi_happy.jpg")
    settings = stream(media)
    clock = iter([100.010, 100.012])
    analysis = Analysis(settings, make_detector(settings, yunet_model), prefix="r", clock=lambda: next(clock))
    found = analysis.analyse(replace(frames_of(media)[0], monotonic_s=100.0))
    assert found is not None
    assert found.stages == pytest.approx({"detect": 10.0, "crop": 12.0})


def test_a_reconnected_camera_shows_new_faces(yunet_model: Path) -> None:
    media = shared("data/media/fer_test.mp4")
    frames = frames_of(media)[:6]
    frames[3] = replace(frames[3], continues=False)
    found = analysed(stream(media), frames, yunet_model)[1]
    assert [crop.track for frame in found for crop in frame.crops] == ["r-1"] * 3 + ["r-2"] * 3
    assert found[3].ended_tracks == ("r-1",)
