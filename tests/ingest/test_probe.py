"""`moodline probe`: what is there, and does it show faces?"""

import json
import shutil
import subprocess
from pathlib import Path

import cv2
import pytest

from ingest.probe.report import Report, as_text, codec_name
from tests.cli.running import moodline
from tests.support.http_video import HttpVideo
from tests.support.needs import shared
from tests.support.rtsp_server import RtspServer

PASSWORD = "s3cret-Pa55"


def probe(*arguments: str, model: Path, **env: str) -> subprocess.CompletedProcess[str]:
    more = {"MOODLINE_INGEST__DETECTOR_MODEL": str(model), "MOODLINE_INGEST__OPEN_TIMEOUT": "3s", **env}
    return moodline("probe", *arguments, env=more)


def test_a_camera_is_described_and_its_picture_written(clip: Path, yunet_model: Path, tmp_path: Path) -> None:
    picture = tmp_path / "still.jpg"
    with RtspServer(clip, user="me", password=PASSWORD) as server:
        url = server.url(user="me", password="${DOOR}")
        done = probe(url, "--json", "--picture", str(picture), model=yunet_model, DOOR=PASSWORD)
        wrong = probe(url, model=yunet_model, DOOR="wr0ng-Pa55")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["source"] == f"rtsp://***@127.0.0.1:{server.port}/cam"
    assert [found[name] for name in ("ok", "state", "codec", "width", "height")] == [True, "live", "H.264", 640, 360]
    assert found["fps"] == pytest.approx(29.97, abs=0.1)
    assert 0 < found["first_frame_ms"] < 10_000
    assert found["faces"] >= 1
    assert 0.7 <= found["score"] <= 1
    still = cv2.imread(str(picture))
    assert still is not None
    assert still.shape == (360, 640, 3)
    green = (still[..., 1].astype(int) - still[..., 2] > 60).sum()
    assert green > 200, "the boxes are green"
    assert (wrong.returncode, wrong.stderr) == (1, "")
    assert "auth_failed\n  rtsp://***@127.0.0.1" in wrong.stdout
    assert "refuses the user or password" in wrong.stdout
    for secret in (PASSWORD, "wr0ng-Pa55"):
        assert secret not in str((done, wrong.stdout, wrong.stderr)).replace(f"DOOR={secret}", "")


def test_the_picture_shows_nothing_that_is_masked(yunet_model: Path, tmp_path: Path) -> None:
    config, picture = tmp_path / "moodline.yaml", tmp_path / "still.png"
    config.write_text("streams:\n  - {id: door, url: demo, masks: [[[0, 0], [1, 0], [1, 1], [0, 1]]]}\n")
    done = probe("door", "--config", str(config), "--picture", str(picture), model=yunet_model)
    assert done.returncode == 0, done.stderr
    still = cv2.imread(str(picture))
    assert still is not None
    assert not still.any()


def test_the_frame_rate_is_what_comes(yunet_model: Path, tmp_path: Path) -> None:
    with HttpVideo(tmp_path) as camera:  # ten frames a second, of which FFmpeg says that they are 25
        done = probe(camera.url(), "--json", model=yunet_model)
    assert json.loads(done.stdout)["fps"] < 15


def test_a_recording_is_described_for_people(clip: Path, yunet_model: Path) -> None:
    done = probe(str(clip), model=yunet_model)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == f"{clip}: live"
    assert {line.split()[0]: line.split()[1] for line in lines[1:]}.items() >= {
        ("codec", "H.264"),
        ("size", "640x360"),
        ("detector", "YuNet"),
    }


def test_a_folder_of_recordings_is_described(yunet_model: Path, tmp_path: Path) -> None:
    for name in ("1.mp4", "2.mp4"):
        shutil.copy(shared("data/media/fer_test.mp4"), tmp_path / name)
    found = json.loads(probe(str(tmp_path), "--json", model=yunet_model).stdout)
    assert [found[name] for name in ("ok", "codec", "width", "faces")] == [True, "H.264", 596, 1]
    shutil.copy(shared("data/media/stills/faceapi_happy.jpg"), tmp_path / "thumb.jpg")
    mixed = probe(str(tmp_path), model=yunet_model)
    assert (mixed.returncode, mixed.stderr) == (1, "")
    assert "holds videos and pictures: say which ones are meant" in mixed.stdout


def test_a_stream_of_the_configuration_is_probed_by_its_id(yunet_model: Path, tmp_path: Path) -> None:
    config = tmp_path / "moodline.yaml"
    config.write_text("streams:\n  - {id: front-door, url: demo, detector: haar}\n")
    done = probe("front-door", "--json", "--config", str(config), model=yunet_model)
    assert json.loads(done.stdout)["detector"] == "Haar cascade"


def test_a_token_in_the_path_is_not_shown(yunet_model: Path) -> None:
    for done in (
        probe("http://127.0.0.1:9/${DOOR}/live.m3u8", model=yunet_model, DOOR="t0ken-0f-the-path"),
        probe("http://127.0.0.1:9/${DOOR}/live.m3u8", "--json", model=yunet_model, DOOR="t0ken-0f-the-path"),
    ):
        assert "http://127.0.0.1:9/***/live.m3u8" in done.stdout
        assert "t0ken" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["rtsp://me:${NOPE}@cam/1"], 2, "the environment variable NOPE is not set"),
        (["demo", "--picture", "face.txt"], 2, "give a name that ends in .jpg or .png"),
        (["/gone.mp4"], 1, "/gone.mp4: not_found\n  There is no video file /gone.mp4"),
    ],
)
def test_what_is_wrong_is_a_sentence(arguments: list[str], code: int, words: str, yunet_model: Path) -> None:
    done = probe(*arguments, model=yunet_model)
    assert done.returncode == code
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_picture_of_nobody_says_so() -> None:
    report = Report("cam", ok=True, state="live", sentence="", width=64, height=48, faces=0, first_frame_ms=5)
    assert as_text(report).splitlines()[-1].split() == ["faces", "0"]


def test_codecs_have_the_names_that_people_use() -> None:
    names = {"avc1": "H.264", "hvc1": "H.265", "MJPG": "MJPEG", "theo": "theo"}
    assert {code: codec_name(cv2.VideoWriter.fourcc(*code)) for code in names} == names
    assert codec_name(0) is None
