import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.calibrate import best_temperature, prior_shift, recall_bias
from trainer.card import confusions
from trainer.evaluate import score
from trainer.metrics import (
    accuracy,
    calibration_error,
    confusion,
    macro_f1,
    recalls,
    restricted,
    softmax,
)


def test_scores_of_a_small_table_are_those_counted_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    found = np.eye(3)[[0, 0, 1, 1, 1, 0]]
    table = confusion(found, labels)
    assert table.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert accuracy(found, labels) == pytest.approx(4 / 6)
    assert recalls(table).tolist() == pytest.approx([2 / 3, 1, 0])
    assert macro_f1(table) == pytest.approx((4 / 6 + 4 / 5 + 0) / 3)


def test_restricted_probabilities_add_up_to_one_again() -> None:
    found = restricted(np.array([[0.5, 0.3, 0.2]]), [1, 2])
    np.testing.assert_allclose(found, [[0, 0.6, 0.4]])


def test_scores_on_four_emotions_leave_faces_of_the_others_out() -> None:
    #                 angry disgust fear happy neutral sad surprise
    found = np.array([[0.1, 0.0, 0.0, 0.2, 0.1, 0.0, 0.6], [0.0, 0.0, 0.0, 0.1, 0.2, 0.0, 0.7]])
    scores = score(found, np.array([3, 6]), ("angry", "happy", "neutral", "sad"))
    assert (scores.faces, scores.accuracy, scores.recall) == (1, 1.0, {"happy": 1.0})


def test_confidence_that_is_right_as_often_as_it_says_has_no_calibration_error() -> None:
    found = np.tile([0.8, 0.2], (10, 1))
    labels = np.array([0] * 8 + [1] * 2)
    assert calibration_error(found, labels) == pytest.approx(0)
    assert calibration_error(np.tile([0.99, 0.01], (10, 1)), labels) == pytest.approx(0.19)


def test_a_temperature_is_found_and_lowers_the_calibration_error() -> None:
    rng = np.random.default_rng(0)
    true_logits = rng.normal(0, 1.5, (4000, 7))
    labels = np.array([rng.choice(7, p=row) for row in softmax(true_logits)])
    overconfident = true_logits * 2.5
    temperature = best_temperature(overconfident, labels)
    assert temperature == pytest.approx(2.5, rel=0.1)
    before = calibration_error(softmax(overconfident), labels)
    after = calibration_error(softmax(overconfident / temperature), labels)
    assert before > 0.1
    assert after < 0.03


def test_the_adjustment_for_rare_emotions_makes_up_for_their_share() -> None:
    shift = prior_shift(np.array([[0.75, 0.25], [0, 0], [0.75, 0.25]]), strength=1.0)
    np.testing.assert_allclose(softmax(np.log([[0.75, 0.25]]) + shift), [[0.5, 0.5]])
    assert prior_shift(np.array([[0.9, 0.1]]), strength=0.0).tolist() == [0, 0]


def test_the_least_is_added_that_gives_wanted_recalls_with_and_without_a_mirrored_copy() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 2000)
    # The first two classes are hard to tell from the third, and from each other.
    plain, mirrored = (np.eye(4)[labels] * 2 + rng.normal(0, 1, (2000, 4)) + [-1, -1.5, 0, 0] for _ in range(2))

    def least(bias: NDArray[np.float64], one: int) -> float:
        alone = softmax(plain + bias)
        return float(min(recalls(confusion(found, labels))[one] for found in (alone, alone + softmax(mirrored + bias))))

    before = [least(np.zeros(4), one) for one in (0, 1)]
    bias = recall_bias(plain, mirrored, labels, {0: 0.65, 1: 0.65})
    assert max(before) < 0.65 <= min(least(bias, 0), least(bias, 1))
    assert bias[2:].tolist() == [0, 0]
    for one in (0, 1):
        assert least(bias - np.eye(4)[one] * 0.03, one) < 0.65, "less is not enough"
    assert recall_bias(plain, mirrored, labels, {3: 0.1}).tolist() == [0] * 4
    assert np.isinf(recall_bias(plain, mirrored, labels, {0: 0.99, 1: 0.99})).any()


def test_the_card_names_the_most_frequent_mistakes() -> None:
    table = np.zeros((7, 7), np.int64)
    table[2, [2, 6]] = (60, 40)
    table[5, [5, 4]] = (150, 50)
    assert confusions(table) == [
        "40% of the faces that are fear are called surprise.",
        "25% of the faces that are sad are called neutral.",
    ]
