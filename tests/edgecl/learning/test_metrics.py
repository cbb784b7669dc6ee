"""Accuracy, confusion matrix and class scores against values computed by hand."""

import numpy as np
import pytest

from edgecl.learning.metrics import (
    ClassScore,
    accuracy,
    auroc,
    confusion_matrix,
    false_positive_rate,
    score_classes,
    wilson_interval,
)

TRUTH = [0, 0, 0, 1, 1, 2]
PREDICTED = [0, 0, 1, 1, 0, 0]
COUNTS = np.array([[2, 1, 0], [1, 1, 0], [1, 0, 0]])


def test_rows_are_the_truth_and_columns_the_predictions() -> None:
    counts = confusion_matrix(TRUTH, PREDICTED, 3)
    np.testing.assert_array_equal(counts, COUNTS)
    assert counts.dtype == np.int64


def test_accuracy_is_the_diagonal_over_the_total() -> None:
    assert accuracy(COUNTS) == 0.5
    assert accuracy(np.eye(4, dtype=np.int64)) == 1.0


def test_each_class_has_recall_precision_and_support() -> None:
    assert score_classes(COUNTS) == [
        ClassScore(2 / 3, 0.5, 3),
        ClassScore(0.5, 0.5, 2),
        ClassScore(0.0, None, 1),
    ]


def test_a_class_without_clips_has_no_recall_and_one_never_predicted_no_precision() -> None:
    assert score_classes(confusion_matrix([0, 0], [0, 1], 3)) == [
        ClassScore(0.5, 1.0, 2),
        ClassScore(None, 0.0, 0),
        ClassScore(None, None, 0),
    ]


def test_the_accuracy_on_no_clips_is_zero() -> None:
    counts = confusion_matrix([], [], 2)
    assert counts.shape == (2, 2)
    assert accuracy(counts) == 0.0


def test_counts_are_plain_numbers_that_json_can_hold() -> None:
    score = score_classes(COUNTS)[0]
    assert (type(score.recall), type(score.precision), type(score.support)) == (float, float, int)
    assert type(accuracy(COUNTS)) is float


def test_a_label_outside_the_classes_is_a_value_error() -> None:
    for truth, predicted in (([0, 3], [0, 0]), ([0], [-1])):
        with pytest.raises(ValueError, match="outside 0 … 2"):
            confusion_matrix(truth, predicted, 3)


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    assert auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert auroc(np.array([0.0]), np.array([1.0, 2.0])) == 0.0
    assert auroc(np.array([1.0, 3.0]), np.array([1.0, 2.0])) == (0.5 + 0.0 + 1.0 + 1.0) / 4


def test_the_false_positive_rate_is_measured_where_95_percent_of_the_known_are_accepted() -> None:
    known, unknown = np.arange(100.0), np.array([4.0, 5.0, 6.0, 200.0])
    assert false_positive_rate(known, unknown) == 0.75
    assert false_positive_rate(np.array([1.0, 2.0]), np.array([0.0, 1.5])) == 0.5
    assert false_positive_rate(np.array([1.0]), np.array([0.0])) == 0.0


def test_an_interval_stays_within_0_and_1_and_narrows_with_more_recordings() -> None:
    assert wilson_interval(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-3)
    assert wilson_interval(1.0, 10)[1] == 1.0
    assert wilson_interval(1.0, 10)[0] == pytest.approx(0.722, abs=1e-3)  # 10 / (10 + z²)
    assert wilson_interval(0.0, 10)[0] == 0.0
