"""Tracks over made-up boxes; over real clips: test_analysis.py."""

import pytest

from ingest.detect.base import Detection
from ingest.track import Tracker


def face(x: float, y: float = 100.0, size: float = 50.0) -> Detection:
    return Detection(x, y, size, size, 0.9)


def test_a_face_that_stays_or_moves_is_one_track() -> None:
    tracker = Tracker("t")
    tracks = {tracker.follow([face(100 + 8 * step)], step * 0.2).tracks for step in range(20)}
    assert tracks == {("t-1",)}


@pytest.mark.parametrize("fps", [2, 5, 30])
def test_a_crossing_is_told_apart_by_the_direction_at_any_frame_rate(fps: int) -> None:
    tracker = Tracker("t")
    for step in range(4 * fps + 1):
        at_s = step / fps
        followed = tracker.follow([face(100 + 30 * at_s, y=100), face(220 - 30 * at_s, y=130)], at_s)
        assert followed.tracks == ("t-1", "t-2")


def test_the_best_pairs_are_found_for_all_faces_together() -> None:
    tracker = Tracker("t")
    tracker.follow([face(100), face(140)], 0.0)
    # Both have moved right: the first now stands nearer to where the second was.
    assert tracker.follow([face(130), face(170)], 0.2).tracks == ("t-1", "t-2")


def test_a_face_hidden_for_a_moment_is_found_again_further_on() -> None:
    tracker = Tracker("t")
    for step in range(5):
        tracker.follow([face(100 + 20 * step)], step * 0.1)
    for step in range(5, 9):
        assert tracker.follow([], step * 0.1).ended == ()
    assert tracker.follow([face(100 + 20 * 9)], 0.9).tracks == ("t-1",)


def test_a_face_that_has_left_ends_its_track_after_a_second() -> None:
    tracker = Tracker("t")
    tracker.follow([face(100)], 0.0)
    assert tracker.follow([], 0.9).ended == ()
    assert tracker.follow([], 1.1).ended == ("t-1",)
    assert tracker.follow([face(100)], 1.2).tracks == ("t-2",)


def test_a_face_elsewhere_or_of_another_size_is_another_one() -> None:
    tracker = Tracker("t")
    tracker.follow([face(100)], 0.0)
    assert tracker.follow([face(400)], 0.1).tracks == ("t-2",)
    assert tracker.follow([face(395, 95, size=180)], 0.2).tracks == ("t-3",)


def test_all_tracks_end_at_a_cut_and_numbers_are_never_given_twice() -> None:
    tracker = Tracker("run", first=33)
    assert tracker.follow([face(100), face(300)], 0.0).tracks == ("run-33", "run-34")
    assert tracker.end_all() == ("run-33", "run-34")
    assert tracker.end_all() == ()
    assert tracker.follow([face(100)], 0.1).tracks == ("run-35",)
