"""Scores compared with the truth."""

import numpy as np
import pytest

from edgecl.learning.reliability import measure_reliability


def test_each_range_of_scores_has_its_mean_and_the_share_that_was_right() -> None:
    scores = np.array([0.2, 0.5, 0.6, 0.95, 0.9, 1.0])
    is_right = np.array([False, True, False, True, True, False])
    low, middle, high = measure_reliability(scores, is_right)
    assert (low.low, low.high, low.count, low.score, low.right) == (0.0, 0.5, 1, 0.2, 0.0)
    assert (middle.low, middle.count, middle.score, middle.right) == (0.5, 2, 0.55, 0.5)
    assert (high.high, high.count, high.right) == (1.0, 3, pytest.approx(2 / 3))


def test_without_scores_there_are_no_ranges() -> None:
    assert measure_reliability(np.zeros(0), np.zeros(0, np.bool_)) == []
