"""Validation results."""

import numpy as np

from device_runtime.training.validation import ValidationResult


def test_the_margin_of_error_shrinks_with_the_number_of_recordings() -> None:
    def margin(recordings: int) -> float:
        scores = np.tile([[0.9, 0.1]], (recordings, 1))
        return ValidationResult(np.arange(recordings), np.zeros(recordings, np.int64), scores).margin_of_error

    assert 1 / 12 < margin(12) < 2 / 12  # one more hit proves nothing
    assert margin(1000) < 0.01
