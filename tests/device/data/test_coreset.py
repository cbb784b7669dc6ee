"""Which recordings are evicted first."""

import numpy as np

from device_runtime.data.coreset import herd, select_evictions


def test_the_first_vectors_of_a_herding_order_have_the_mean_of_all() -> None:
    vectors = np.random.default_rng(0).standard_normal((200, 16)).astype(np.float32)
    order = herd(vectors)
    assert sorted(order) == list(range(200))
    distance = np.linalg.norm(vectors[order[:20]].mean(axis=0) - vectors.mean(axis=0))
    of_random = np.linalg.norm(vectors[:20].mean(axis=0) - vectors.mean(axis=0))
    assert distance < 0.2 * of_random


def test_recordings_that_two_classes_share_count_for_both() -> None:
    vectors = {f"{n}": np.eye(12, dtype=np.float32)[n] for n in range(12)}
    first, second = {f"{n}" for n in range(8)}, {f"{n}" for n in range(4, 12)}
    evicted = list(select_evictions([first, second], vectors, minimum=6))
    assert len(evicted) == len(set(evicted))
    for names in (first, second):
        assert len(names - set(evicted)) >= 6
