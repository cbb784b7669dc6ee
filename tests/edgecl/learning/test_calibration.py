"""Normalizer and threshold against cases computed by hand."""

import numpy as np
import pytest

from edgecl.learning.calibration import average_per_recording, equal_error_threshold, fit_normalizer

RANDOM = np.random.default_rng(3)


def test_a_normalizer_gives_features_mean_zero_and_deviation_one() -> None:
    features = (RANDOM.standard_normal((200, 6)) * 5 + 3).astype(np.float32)
    mean, inverse_deviation = fit_normalizer(features)
    scaled = (features - mean) * inverse_deviation
    assert np.allclose(scaled.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(scaled.std(axis=0), 1, atol=1e-5)


def test_a_constant_feature_is_not_scaled_up() -> None:
    normalizer = fit_normalizer(np.full((10, 2), 7.0, np.float32))
    assert np.isfinite(normalizer).all()
    assert normalizer[1].max() <= 1000.0


def test_a_recording_counts_once_however_many_windows_it_has() -> None:
    means = average_per_recording(np.array([1.0, 5.0, 2.0, 3.0]), np.array([4, 9, 4, 4]))
    assert means.tolist() == [2.0, 5.0]


def test_the_threshold_of_separable_margins_is_in_the_middle_of_the_gap() -> None:
    assert equal_error_threshold(np.array([2.0, 3.0, 9.0]), np.array([-1.0, 0.0])) == 1.0
    assert equal_error_threshold(np.array([2.0]), np.array([0.0])) == 1.0


def test_the_threshold_of_overlapping_margins_has_equal_error_rates() -> None:
    known, unknown = RANDOM.normal(1, 1, 4000), RANDOM.normal(-1, 2, 9000)
    threshold = equal_error_threshold(known, unknown)
    assert np.mean(known < threshold) == pytest.approx(np.mean(unknown >= threshold), abs=1e-3)
