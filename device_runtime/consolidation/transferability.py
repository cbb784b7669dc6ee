"""Decides which adapters to merge: those whose tasks predict each other's labels best.

ADA (Ermis et al. 2022, "Memory Efficient Continual Learning with Transformers", §4) merges a new adapter
into the one of a full pool with the highest transferability score, LEEP or TransRate. Here it is LEEP (see
`edgecl.learning.leep`).

Deviations: the whole pool is given at once, so the best pair of all is merged, again and again, until the
pool is small enough; the similarity of two groups is the mean over their tasks, in both directions. LEEP is
lower for targets with more classes, so it is divided by the entropy of the target's labels, which makes
pairs comparable: 0 is no information about the labels, 1 is all.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from device_runtime.recognition.adapter_pool import SharedAdapter
from edgecl.arrays import Doubles, Integers
from edgecl.learning.leep import leep

Similarity = Callable[[str, str], float]
"""How well the first task predicts the labels of the second."""


def similarity(probabilities: Doubles, labels: Integers) -> float:
    """Return how well a source task predicts the labels of a target: LEEP / H + 1, 0…1.

    Args:
        probabilities: of the source's classes for each window of the target, [N, Z].
        labels: of the target, [N].
    """
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    entropy = -float((shares * np.log(shares)).sum())
    return 1 + leep(probabilities, labels) / entropy if entropy else 1.0


def group_adapters(
    pool: Sequence[SharedAdapter], budget: int, task_similarity: Similarity
) -> list[list[SharedAdapter]]:
    """Divide the adapters of a pool into at most `budget` groups, each to share one adapter."""
    groups = [[shared] for shared in pool]

    def group_similarity(pair: tuple[int, int]) -> float:
        one, other = ([task.task for shared in groups[number] for task in shared.tasks] for number in pair)
        return float(np.mean([task_similarity(a, b) + task_similarity(b, a) for a in one for b in other]))

    while len(groups) > budget:
        first, second = max(combinations(range(len(groups)), 2), key=group_similarity)
        groups[first] += groups.pop(second)
    return groups
