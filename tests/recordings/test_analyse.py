"""`moodline analyse`, as its users run it: every kind of file, Ctrl-C, a crash."""

import csv
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from moodline.recordings.results import RESULT_FILES
from tests.cli.running import moodline, started
from tests.support.recordings import Running, detector, events, faces, summary
from tests.support.wait import wait_until

# Several processes start one after another, which on a busy machine takes its time.
pytestmark = pytest.mark.timeout(300)

WITHIN_S = 150.0


@pytest.fixture(scope="module")
def in_one_go(running: Running, short: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short clip with a detector that looks at every frame: where a process began changes nothing that is found."""
    folder = tmp_path_factory.mktemp("in-one-go")
    asked = ("analyse", str(short), "--detect-fps", "60", "--out", str(folder))
    done = moodline(*asked, env=running.env, timeout=WITHIN_S)
    assert done.returncode == 0, done.stderr
    return folder


def collected(folder: Path) -> int:
    file = folder / "events.jsonl"
    return file.read_text().count("\n") if file.exists() else 0


def test_a_machine_with_nothing_running_analyses_half_a_minute(half_a_minute: Path, tmp_path: Path) -> None:
    done = moodline("analyse", str(half_a_minute), "--out", str(tmp_path), env=detector(), timeout=WITHIN_S)

    assert done.returncode == 0, done.stderr
    told = summary(tmp_path)
    assert told["complete"]
    assert told["frames"] == pytest.approx(900, abs=2)
    assert told["duration_s"] == pytest.approx(30, abs=0.5)
    assert told["faces"] == len(faces(tmp_path)) == told["accepted"] > 900
    assert (told["dropped"], told["missing"]) == (0, 0)
    assert told["strongest"] == "neutral"
    assert re.search(r"analyse: \d+ of 9\d\d frames \(\d+%\), \d+ faces, \d+:\d\d left", done.stderr)
    assert "half-a-minute.mp4 was read to its end." in done.stdout
    assert told["times_real_time"] == pytest.approx(told["duration_s"] / told["took_s"], rel=0.02)
    assert f"({told['times_real_time']:g} times real time)" in done.stdout


def test_every_result_tells_the_same(in_one_go: Path) -> None:
    found = faces(in_one_go)
    timeline = json.loads((in_one_go / "timeline.json").read_text())["steps"]
    tracks = json.loads((in_one_go / "tracks.json").read_text())["tracks"]
    with (in_one_go / "tracks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert {path.name for path in in_one_go.iterdir()} >= set(RESULT_FILES) - {"annotated.mp4"}
    assert sum(step["faces"] for step in timeline) == sum(track["faces"] for track in tracks) == len(found)
    assert [row["track"] for row in rows] == [track["track"] for track in tracks]
    assert summary(in_one_go)["tracks"] == len(tracks)
    assert all(0 <= track["first_s"] <= track["last_s"] <= 3.1 for track in tracks)
    assert {event["kind"] for event in events(in_one_go)} >= {"emotion", "face_entered", "face_left"}


def test_the_report_needs_no_other_file_and_no_network(in_one_go: Path) -> None:
    page = (in_one_go / "report.html").read_text()

    assert "short.mp4" in page
    assert "<svg" in page
    assert not re.findall(r"""(?:src|href)=|url\(|@import|<script|https?://(?!www\.w3\.org/2000/svg)""", page)


def test_a_full_hd_clip_is_drawn_with_its_faces_blurred(running: Running, full_hd: Path, tmp_path: Path) -> None:
    asked = ("analyse", str(full_hd), "--annotate", "--out", str(tmp_path))
    done = moodline(*asked, env=running.env, timeout=WITHIN_S)

    assert done.returncode == 0, done.stderr
    assert summary(tmp_path)["width"] == 1920
    before, after = list(frames(full_hd)), list(frames(tmp_path / "annotated.mp4"))
    assert len(after) == len(before) == summary(tmp_path)["frames"]
    event = next(event for event in events(tmp_path) if event["kind"] == "emotion" and event["box"]["width"] > 80)
    box, frame = event["box"], event["frame"]
    inner = (slice(box["y"] + 20, box["y"] + box["height"] - 20), slice(box["x"] + 20, box["x"] + box["width"] - 20))
    sharp, blurred = (details(video[frame][inner]) for video in (before, after))
    assert np.corrcoef(sharp, blurred)[0, 1] < 0.4


def test_a_video_without_faces_has_results_that_say_so(running: Running, without_faces: Path, tmp_path: Path) -> None:
    done = moodline("analyse", str(without_faces), "--out", str(tmp_path), env=running.env, timeout=WITHIN_S)

    assert done.returncode == 0, done.stderr
    assert "No faces were found." in done.stdout
    assert (summary(tmp_path)["faces"], summary(tmp_path)["strongest"]) == (0, None)
    assert "No faces were found." in (tmp_path / "report.html").read_text()


def test_a_damaged_video_gives_what_can_be_read(running: Running, damaged: Path, tmp_path: Path) -> None:
    done = moodline("analyse", str(damaged), "--out", str(tmp_path), env=running.env, timeout=WITHIN_S)

    assert done.returncode == 0, done.stderr
    assert 40 < summary(tmp_path)["frames"] <= 90
    assert summary(tmp_path)["faces"] == len(faces(tmp_path)) > 40


@pytest.mark.parametrize("name", ["letter.mp4", "nowhere.mp4"])
def test_what_is_no_video_is_told_in_one_sentence(running: Running, text_file: Path, tmp_path: Path, name: str) -> None:
    done = moodline(
        "analyse", str(text_file.with_name(name)), "--out", str(tmp_path / "out"), env=running.env, timeout=WITHIN_S
    )

    assert done.returncode == (1 if name == "letter.mp4" else 2)
    assert name in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "summary.json").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_interrupted_goes_on_and_counts_nothing_twice(
    running: Running, short: Path, in_one_go: Path, tmp_path: Path, how: signal.Signals
) -> None:
    asked = ("analyse", str(short), "--detect-fps", "60", "--out", str(tmp_path))
    first = started(*asked, env=running.env)
    wait_until(lambda: collected(tmp_path) > 20, description="some events are collected", timeout=WITHIN_S)
    first.send_signal(how)
    _, said = first.communicate(timeout=60)
    partly = collected(tmp_path)

    again = moodline(*asked, env=running.env, timeout=WITHIN_S)

    assert again.returncode == 0, again.stderr
    if how is signal.SIGINT:
        assert first.returncode == 130
        assert "Stopped after" in said.splitlines()[-1]
    assert partly < len(events(tmp_path))
    assert faces(tmp_path) == faces(in_one_go)
    assert summary(tmp_path)["frames"] == summary(in_one_go)["frames"]
    told = summary(tmp_path)
    assert told["times_real_time"] < told["duration_s"] / told["took_s"], "what an earlier process read is no speed"


def details(picture: "cv2.typing.MatLike") -> "cv2.typing.MatLike":
    """What tells one face from another: the picture without what is left of it in a blurred one."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return (grey - cv2.GaussianBlur(grey, (0, 0), 6)).ravel()


def frames(video: Path) -> Iterator["cv2.typing.MatLike"]:
    capture = cv2.VideoCapture(str(video))
    while True:
        more, pixels = capture.read()
        if not more:
            return
        yield pixels
