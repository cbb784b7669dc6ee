"""Cross-validation folds of a dataset."""

from dataclasses import replace

import numpy as np
import pytest

from device_runtime.data.dataset import FOLDS, NEVER_HELD_OUT, Dataset, assign_folds


@pytest.fixture
def dataset() -> Dataset:
    """Return three classes of 8 recordings with 2 windows each."""
    tokens = np.zeros((48, 1, 1), np.float16)
    return Dataset(tokens, np.repeat([0, 1, 2], 16), np.arange(48) // 2, np.zeros(48, np.bool_), classes=3)


def test_windows_of_one_recording_are_never_in_two_folds(dataset: Dataset) -> None:
    folds = assign_folds(dataset, seed=0)
    for recording in range(24):
        assert len(set(folds[dataset.recordings == recording])) == 1


def test_takes_of_one_group_are_never_in_two_folds_and_the_folds_are_about_equal(
    dataset: Dataset,
) -> None:
    own = np.repeat([0, 0, 0, 1, 1, 2, 3, 4], 2)  # of 8 recordings per class, 3 of one group, 2 of another
    groups = np.concatenate([own, own + 10, own + 20])
    folds = assign_folds(replace(dataset, groups=groups), seed=0)
    for group in np.unique(groups):
        assert len(set(folds[groups == group])) == 1
    assert sorted(np.bincount(folds[dataset.labels == 0]).tolist()) == [2, 2, 2, 4, 6]


def test_every_class_is_in_every_fold_and_every_recording_is_held_out_once(dataset: Dataset) -> None:
    folds = assign_folds(dataset, seed=0)
    for label in range(3):
        assert set(folds[dataset.labels == label]) == set(range(FOLDS))


def test_the_only_recording_of_a_class_is_never_held_out(dataset: Dataset) -> None:
    alone = replace(dataset, recordings=np.where(dataset.labels == 2, 99, dataset.recordings))
    assert set(assign_folds(alone, seed=0)[dataset.labels == 2]) == {NEVER_HELD_OUT}
