"""Known sounds lie near their prototypes; the threshold tells how near is near enough."""

import numpy as np
import pytest

from edgecl.calibration import carried_over, distances, normalizer_of, prototypes_of, threshold_of

RANDOM = np.random.default_rng(3)


def test_a_normalizer_gives_features_mean_zero_and_deviation_one() -> None:
    features = (RANDOM.standard_normal((200, 6)) * 5 + 3).astype(np.float32)
    mean, inverse_deviation = normalizer_of(features)
    scaled = (features - mean) * inverse_deviation
    assert np.allclose(scaled.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(scaled.std(axis=0), 1, atol=1e-5)


def test_a_feature_that_never_changes_is_not_blown_up() -> None:
    normalizer = normalizer_of(np.full((10, 2), 7.0, np.float32))
    assert np.isfinite(normalizer).all()
    assert normalizer[1].max() <= 1000.0


def test_a_prototype_is_the_mean_of_its_class() -> None:
    features = np.array([[0, 0], [2, 4], [10, 10]], np.float32)
    assert prototypes_of(features, np.array([0, 0, 1]), 2).tolist() == [[1, 2], [10, 10]]


def test_the_distance_is_to_the_nearest_prototype() -> None:
    prototypes = np.array([[0, 0], [10, 10]], np.float32)
    assert distances(np.array([[3, 4], [10, 10]], np.float32), prototypes).tolist() == [12.5**0.5, 0.0]


def test_the_threshold_accepts_nearly_all_known_windows() -> None:
    known = RANDOM.uniform(1, 2, 1000)
    assert 0.95 <= np.mean(known <= threshold_of(known)) <= 1.0


def test_the_fewer_windows_were_held_out_the_farther_out_the_threshold_lies() -> None:
    assert threshold_of(np.ones(4)) == 1.5
    assert threshold_of(np.ones(100)) == pytest.approx(1.1)


def test_a_threshold_follows_its_windows_into_stretched_features() -> None:
    measured = RANDOM.uniform(1, 2, 100)
    threshold = threshold_of(measured)
    assert carried_over(threshold, measured, 3 * measured) == pytest.approx(threshold_of(3 * measured))


def test_a_threshold_stays_where_every_window_is_a_prototype_itself() -> None:
    assert carried_over(0.7, np.zeros(3), np.zeros(3)) == 0.7
