"""The metrics of the continual-learning benchmark, against a matrix computed by hand."""

import numpy as np
import pytest

from tools.bench.continual import metrics
from tools.bench.continual.interval import mean_and_interval

NAN = np.nan
R = np.array([[0.8, NAN, NAN], [0.9, 0.6, NAN], [0.5, 0.6, 0.7]])


def test_the_average_accuracy_is_the_mean_of_the_last_row():
    assert metrics.average_accuracy(R) == pytest.approx((0.5 + 0.6 + 0.7) / 3)


def test_backward_transfer_compares_the_last_row_with_the_diagonal():
    assert metrics.backward_transfer(R) == pytest.approx(((0.5 - 0.8) + (0.6 - 0.6)) / 2)


def test_forgetting_is_the_best_earlier_accuracy_minus_the_last():
    assert metrics.forgetting(R) == pytest.approx(((0.9 - 0.5) + (0.6 - 0.6)) / 2)


def test_forgetting_is_negative_for_a_task_that_improved():
    better = np.array([[0.5, NAN], [0.75, 0.5]])
    assert metrics.forgetting(better) == -0.25


def test_forward_transfer_compares_the_diagonal_with_learning_each_task_alone():
    alone = np.array([0.8, 0.5, 0.9])
    assert metrics.forward_transfer(R, alone) == pytest.approx(((0.6 - 0.5) + (0.7 - 0.9)) / 2)


def test_the_accuracy_so_far_ignores_tasks_still_to_come():
    assert metrics.accuracy_so_far(R) == pytest.approx([0.8, 0.75, 0.6])


def test_a_single_task_can_neither_be_forgotten_nor_transferred():
    single = np.array([[0.9]])
    assert metrics.average_accuracy(single) == 0.9
    assert metrics.backward_transfer(single) is None
    assert metrics.forgetting(single) is None
    assert metrics.forward_transfer(single, np.array([0.9])) is None


def test_the_interval_of_five_draws_is_student_s():
    mean, half = mean_and_interval(np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert mean == pytest.approx(0.3)
    assert half == pytest.approx(2.776 * 0.158114 / 5**0.5, rel=1e-3)
