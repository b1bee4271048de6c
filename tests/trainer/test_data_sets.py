"""What people have: folders, fer2013.csv and zips of them, whole or not."""

import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from moodline.emotions import EMOTIONS
from trainer.__main__ import build_app
from trainer.data import DataError, NoDataError, open_data, read_split, read_training
from trainer.data.table import VOTES_FILE

Files = dict[str, bytes]
VOTES = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def picture(seed: int, side: int = 48) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (6, 6)).astype(np.uint8)
    return cv2.imencode(".png", cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC))[1].tobytes()


def folders(counts: dict[str, int]) -> Files:
    return {f"{name}/{n}.png": picture(100 * k + n) for k, name in enumerate(counts) for n in range(counts[name])}


def table(rows: list[tuple[int, int, str]], header: str = "emotion,pixels,Usage") -> bytes:
    """fer2013.csv with plain grey faces: emotion, grey value, usage."""
    order = [name.strip() for name in header.split(",")]
    lines = [header]
    for emotion, grey, usage in rows:
        cells = {"emotion": str(emotion), "pixels": " ".join([str(grey)] * 2304), "Usage": usage}
        lines.append(",".join(cells[name] for name in order))
    return "\n".join(lines).encode()


def on_disk(root: Path, files: Files) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def zipped(root: Path, files: Files) -> Path:
    with zipfile.ZipFile(root / "data.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return root / "data.zip"


@pytest.fixture(params=[on_disk, zipped], ids=["folder", "zip"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Files], Path]:
    return lambda files: request.param(tmp_path, files)


@pytest.mark.parametrize("top", ["", "images/", "archive/images/"])
def test_the_kaggle_layout_is_found_wherever_it_begins(put: Callable[[Files], Path], top: str) -> None:
    data = open_data(put(folders({f"{top}train/happy": 3, f"{top}train/sad": 2, f"{top}test/happy": 1})))
    assert list(data.readers) == ["train", "test"]
    labels = data.read("train").faces.labels.tolist()
    assert [EMOTIONS[label] for label in labels] == ["happy"] * 3 + ["sad"] * 2


def test_emotions_at_the_top_are_one_split(put: Callable[[Files], Path]) -> None:
    assert len(open_data(put(folders({"Anger": 2, "Happiness": 1}))).read("all").faces) == 3


def test_one_emotion_alone_is_a_split_too_if_nothing_lies_deeper(tmp_path: Path) -> None:
    assert len(open_data(on_disk(tmp_path, folders({"one/happy": 2})) / "one").read("all").faces) == 2
    deep = on_disk(tmp_path / "two", folders({"happy": 1, "images/train/sad": 2}))
    assert list(open_data(deep).readers) == ["train"]


def test_a_zip_with_backslashes_is_read_like_any_other(tmp_path: Path) -> None:
    files = {name.replace("/", "\\"): content for name, content in folders({"train/happy": 2, "test/sad": 1}).items()}
    data = open_data(zipped(tmp_path, files))
    assert (list(data.readers), len(data.read("train").faces)) == (["train", "test"], 2)


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion, Usage, pixels"])
def test_fer2013_csv_has_its_three_splits_and_its_own_numbers(put: Callable[[Files], Path], header: str) -> None:
    rows = [(0, 10, "Training"), (6, 20, "Training"), (4, 30, "PublicTest"), (5, 40, "PrivateTest")]
    data = open_data(put({"fer2013/fer2013.csv": table(rows, header)}))
    assert list(data.readers) == ["train", "validation", "test"]
    found = [(EMOTIONS[f.labels[0]], int(f.images[0, 5, 5])) for f in (data.read(name).faces for name in data.readers)]
    assert found == [("angry", 10), ("sad", 30), ("surprise", 40)]
    assert EMOTIONS[data.read("train").faces.labels[1]] == "neutral"


def test_votes_beside_the_table_belong_to_its_rows(put: Callable[[Files], Path]) -> None:
    votes = f"{VOTES}\nTraining,a.png,0,9,0,0,0,0,0,1,0,0\nPublicTest,b.png,2,0,0,0,8,0,0,0,0,0"
    rows = [(3, 10, "Training"), (0, 20, "PublicTest")]
    path = put({"fer2013.csv": table(rows), VOTES_FILE: votes.encode()})
    faces = read_split(path, "validation")
    assert (faces.votes[0, EMOTIONS.index("angry")], faces.votes[0, EMOTIONS.index("neutral")]) == (8, 2)
    assert read_split(path, "train").others[0].tolist() == [1, 0, 0]


def test_votes_of_another_table_are_refused(tmp_path: Path) -> None:
    on_disk(tmp_path, {"fer2013.csv": table([(3, 10, "Training")]), VOTES_FILE: VOTES.encode()})
    with pytest.raises(DataError, match=r"has 0 rows and fer2013\.csv has 1"):
        read_split(tmp_path, "train")


@pytest.mark.parametrize("count", ["-1", "nan", "inf"])
def test_votes_that_are_no_counts_are_refused_with_their_line(tmp_path: Path, count: str) -> None:
    good = "Training,a.png,0,9,0,0,0,0,0,1,0,0"
    votes = "\n".join([VOTES, good, f"Training,b.png,2,{count},0,0,8,0,0,0,0,0"]).encode()
    on_disk(tmp_path, {"fer2013.csv": table([(3, 10, "Training"), (0, 20, "Training")]), VOTES_FILE: votes})
    with pytest.raises(DataError, match=r"fer2013new\.csv:3 has votes that are negative or no number"):
        read_split(tmp_path, "train")


def test_what_cannot_be_used_is_left_out_counted_and_named(
    put: Callable[[Files], Path], caplog: pytest.LogCaptureFixture
) -> None:
    files = folders({"train/happy": 12, "train/sad": 12, "train/contempt": 2})
    files |= {"train/happy/broken.png": b"no picture", "train/sad/wide.png": picture(1, side=64)}
    files |= {"train/sad/notes.txt": b"", "train/fear/Thumbs.db": b""}
    with caplog.at_level(logging.WARNING):
        faces = read_split(put(files), "train")
    assert len(faces) == 25
    said = caplog.text
    assert "1 left out, no picture or damaged: train/happy/broken.png" in said
    assert "1 scaled to 48x48: train/sad/wide.png (64x64)" in said
    assert "2 pictures left out, their folder is no emotion: train/contempt" in said
    assert "2 other files left out: train/fear/Thumbs.db, train/sad/notes.txt" in said
    assert "1 folders of an emotion hold no picture: train/fear" in said
    assert "5 emotions have no face: angry, disgust, fear, ..." in said


def test_wrong_rows_are_named_by_their_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [(3, 10 + n, "Training") for n in range(30)]
    lines = [*table(rows).decode().splitlines(), f"{'3' * 5000},1 2 3 4,Training", "3,1 2 3,Training"]
    lines += ["3,1 2 x 4,Training"]
    (tmp_path / "fer2013.csv").write_text("\n".join(lines))
    assert len(read_split(tmp_path, "train")) == 30
    assert "3 rows left out: fer2013.csv:32 (emotion), fer2013.csv:33 (pixels), fer2013.csv:34 (pixels)" in caplog.text


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train/sad/a.png": b"", **folders({"train/happy": 3})}, r"1 of 4 pictures cannot be read.*train/sad/a\.png"),
        ({"train/sad/notes.txt": b""}, "holds no pictures of an emotion"),
        ({"notes.txt": b""}, "has no split 'train' or any other"),
        ({"fer2013.csv": table([(9, 0, "Training")])}, "1 of 1 rows cannot be read"),
        ({"fer2013.csv": table([])}, r"no row of fer2013\.csv says by its `Usage`"),
        ({"fer2013.csv": table([(3, 0, "")])}, r"no row of fer2013\.csv says by its `Usage`"),
    ],
)
def test_what_is_ruined_is_refused_in_a_sentence(put: Callable[[Files], Path], files: Files, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_split(put(files), "train")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "why"), [("gone", "is not there"), ("x" * 300, "cannot be read .File name too long")])
def test_a_path_that_leads_nowhere_is_wrong_usage(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(NoDataError, match=why) as caught:
        open_data(tmp_path / name)
    assert caught.value.exit_code == 2


def test_a_split_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    on_disk(tmp_path, folders({"train/happy": 1, "Val/happy": 1}))
    with pytest.raises(DataError, match="has no split 'test', only train, validation"):
        read_split(tmp_path, "test")


def test_a_zip_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no data set of faces"):
        open_data(zipped(tmp_path, {"train/happy/a.png": bytes(40_000_000)}))


def test_a_zip_cannot_name_files_outside_itself(tmp_path: Path) -> None:
    files = {"../train/happy/a.png": picture(1), "/train/happy/b.png": picture(2), **folders({"train/sad": 1})}
    assert len(open_data(zipped(tmp_path, files)).read("train").faces) == 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more"])
def test_a_damaged_zip_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.zip").write_bytes(content)
    with pytest.raises(DataError, match="is no zip that can be read"):
        open_data(tmp_path / "data.zip")


def test_a_damaged_picture_in_a_zip_is_left_out(tmp_path: Path) -> None:
    path = zipped(tmp_path, folders({"train/happy": 12}))
    content = bytearray(path.read_bytes())
    content[content.index(b"train/happy/3.png") + 40] ^= 0xFF  # its checksum is wrong now
    path.write_bytes(content)
    split = open_data(path).read("train")
    assert (len(split.faces), split.findings.counts["unreadable picture"]) == (11, 1)


def test_without_a_validation_split_a_tenth_is_held_out_whole_copies_together(tmp_path: Path) -> None:
    files = folders({"train/happy": 40, "train/sad": 40, "test/happy": 5})
    files |= {f"train/sad/copy{n}.png": files["train/happy/7.png"] for n in range(10)}
    path = on_disk(tmp_path, files)
    train, validation = read_training(path)
    assert (len(train) + len(validation), 4 <= len(validation) <= 20) == (90, True)
    assert not set(train.near_group.tolist()) & set(validation.near_group.tolist())
    again = read_training(path)[1]
    np.testing.assert_array_equal(validation.images, again.images)


def test_one_picture_again_and_again_leaves_none_to_hold_out(tmp_path: Path) -> None:
    on_disk(tmp_path, {f"train/{emotion}/{n}.png": picture(1) for emotion in ("happy", "sad") for n in range(9)})
    with pytest.raises(DataError, match="All 18 faces of train show one picture"):
        read_training(tmp_path)


def test_summary_shows_faces_copies_and_findings(tmp_path: Path) -> None:
    files = folders({"train/happy": 4, "train/sad": 3, "validation/sad": 1})
    image = cv2.imdecode(np.frombuffer(files["train/sad/0.png"], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    files["validation/sad/same.png"] = files["train/sad/1.png"]
    files["validation/sad/mirrored.png"] = cv2.imencode(".png", np.ascontiguousarray(image[:, ::-1]))[1].tobytes()
    files["train/sad/bad.png"] = b"-"
    path = zipped(tmp_path, files)

    found = json.loads(CliRunner().invoke(build_app(), ["data", "summary", str(path), "--json"]).output)
    assert found["splits"]["train"]["labels"]["happy"] == 4
    assert found["splits"]["train"]["findings"]["unreadable picture"] == 1
    assert found["crossings"] == [{"splits": ["train", "validation"], "exact": 1, "near": 2}]

    shown = CliRunner().invoke(build_app(), ["data", "summary", str(path)])
    assert shown.exit_code == 0
    assert "2 faces of validation have a near copy in train, 1 exact" in shown.output
    assert "train: 1 left out, no picture or damaged: train/sad/bad.png" in shown.output


def test_a_zip_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path, folders({"train/happy": 2}))
    monkeypatch.setattr(zipfile.ZipFile, "extract", lambda *_: pytest.fail("unpacked"))
    assert len(open_data(path).read("train").faces) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.zip"]
