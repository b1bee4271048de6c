from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from moodline.emotions import EMOTIONS
from tests.support.needs import shared
from trainer.data import DataError, Faces, read_split
from trainer.labels import away_from, targets, training_faces, usable, validation_faces, without_copies
from trainer.recipe import Labels

VOTES = "votes_neutral,votes_happiness,votes_surprise,votes_sadness,votes_anger,votes_disgust,votes_fear"
OTHERS = "votes_contempt,votes_unknown,votes_nf"
HEADER = f"sheet,cell,row,emotion,duplicate_group,near_duplicate_group,{VOTES},{OTHERS}"


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """Three faces on a sheet: a happy one, a sad one that raters do not agree on, and no face."""
    sheet = np.zeros((96, 32 * 48), np.uint8)
    for cell, grey in ((0, 50), (1, 150), (33, 250)):
        y, x = divmod(cell, 32)
        sheet[y * 48 : (y + 1) * 48, x * 48 : (x + 1) * 48] = grey
    cv2.imwrite(str(tmp_path / "train_00.png"), sheet)
    rows = [
        "train_00.png,0,0,happy,0,0,1,8,1,0,0,0,0,0,0,0",
        "train_00.png,1,1,sad,1,1,4,0,0,4,0,0,1,0,1,0",
        "train_00.png,33,2,angry,2,0,1,0,0,1,1,0,0,0,0,7",
    ]
    (tmp_path / "train.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return tmp_path


def test_faces_come_from_their_cells_with_labels_in_our_order(sheets: Path) -> None:
    faces = read_split(sheets, "train")
    assert [int(image[20, 20]) for image in faces.images] == [50, 150, 250]
    assert [EMOTIONS[label] for label in faces.labels] == ["happy", "sad", "angry"]


def test_votes_are_mapped_to_the_seven_emotions(sheets: Path) -> None:
    faces = read_split(sheets, "train")
    #                                    angry disgust fear happy neutral sad surprise
    np.testing.assert_array_equal(faces.votes[0], [0, 0, 0, 8, 1, 0, 1])
    np.testing.assert_array_equal(faces.votes[1], [0, 0, 1, 0, 4, 4, 0])
    np.testing.assert_array_equal(faces.others[2], [0, 0, 7])


def test_majority_is_what_more_raters_saw_than_anything_else(sheets: Path) -> None:
    faces = read_split(sheets, "train")
    assert faces.majority().tolist() == [EMOTIONS.index("happy"), -1, -1]  # a tie, and not a face


def test_negative_votes_of_a_sheet_are_refused(sheets: Path) -> None:
    table = (sheets / "train.csv").read_text()
    (sheets / "train.csv").write_text(table.replace("sad,1,1,4,", "sad,1,1,-4,"))
    with pytest.raises(DataError, match=r"train\.csv:3 has votes that are negative"):
        read_split(sheets, "train")


def test_what_most_raters_took_for_no_emotion_is_not_learned_from(sheets: Path) -> None:
    assert usable(read_split(sheets, "train"), Labels()).tolist() == [True, True, False]


def test_a_face_with_few_usable_votes_is_not_learned_from(sheets: Path) -> None:
    assert usable(read_split(sheets, "train"), Labels(least_votes=10)).tolist() == [True, False, False]


def test_soft_labels_are_the_votes_mixed_with_the_own_label(sheets: Path) -> None:
    faces = read_split(sheets, "train")
    pure = targets(faces, Labels(fer2013_weight=0.0))
    mixed = targets(faces, Labels(fer2013_weight=0.5))
    np.testing.assert_allclose(pure[0], [0, 0, 0, 0.8, 0.1, 0, 0.1], atol=1e-6)
    np.testing.assert_allclose(mixed[0], [0, 0, 0, 0.9, 0.05, 0, 0.05], atol=1e-6)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-6)


def test_copies_and_near_copies_of_validation_are_left_out(faces: Faces, validation: Faces) -> None:
    faces.group[5] = faces.group[4]
    faces.near_group[7] = validation.near_group[3]
    assert np.flatnonzero(~without_copies(faces)).tolist() == [5]
    assert np.flatnonzero(~away_from(faces, validation)).tolist() == [7]
    assert len(training_faces(faces, validation, Labels())) == len(faces) - 2


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (Labels(), "40 faces of train is left to learn from: each is a near copy of one in validation"),
        (Labels(least_votes=10, near_copies=True), "raters saw none of the seven emotions in them, or fewer than 10"),
        (Labels(emotions=("disgust", "fear")), "none shows one of disgust, fear; name others"),
    ],
)
def test_why_no_face_is_left_to_learn_from_is_said(faces: Faces, how: Labels, message: str) -> None:
    few = replace(faces, votes=faces.votes * (0.5 if how.near_copies else 1))
    if len(how.emotions) == 2:
        few = few.where(few.labels == EMOTIONS.index("happy"))
        few = replace(few, votes=np.zeros_like(few.votes))
    with pytest.raises(DataError, match=message):
        training_faces(few, few, how)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_validation_split_that_can_judge_nothing_is_refused(validation: Faces, weight: float) -> None:
    how = Labels(emotions=("angry", "sad"), fer2013_weight=weight)
    assert 0 < len(validation_faces(validation, how)) < len(validation)
    with pytest.raises(DataError, match="no face that shows one of angry, sad"):
        validation_faces(validation.where(validation.labels == EMOTIONS.index("happy")), how)


@pytest.mark.parametrize("root", ["", "images"])
def test_the_kaggle_layout_is_read_too(tmp_path: Path, root: str) -> None:
    for emotion, grey in (("sad", 30), ("happy", 90)):
        folder = tmp_path / root / "train" / emotion
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "1.png"), np.full((48, 48), grey, np.uint8))
    faces = read_split(tmp_path, "train")
    assert {EMOTIONS[label]: int(image[0, 0]) for label, image in zip(faces.labels, faces.images, strict=True)} == {
        "sad": 30,
        "happy": 90,
    }
    assert not faces.has_votes
    np.testing.assert_array_equal(targets(faces, Labels()).argmax(axis=1), faces.labels)


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("elsewhere", "has no split 'train'"),
        ("train/bored", "has no split 'train'"),
        ("train/sad", "holds no pictures"),
    ],
)
def test_a_folder_that_cannot_be_used_is_named_in_a_sentence(tmp_path: Path, folder: str, message: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(DataError, match=message):
        read_split(tmp_path, "train")


def test_fer2013_has_the_known_faces_and_majorities() -> None:
    faces = read_split(shared("data/fer2013"), "validation")
    majority = faces.majority()
    usable_rows = majority >= 0
    assert (len(faces), int(usable_rows.sum())) == (3589, 3372)
    assert (faces.labels == majority)[usable_rows].mean() == pytest.approx(0.654, abs=0.001)
