"""Which adapters of a pool to merge: those whose tasks say most about each other's sounds.

ADA (Ermis et al. 2022, "Memory Efficient Continual Learning with Transformers", §4) merges a new adapter into
the one of a full pool with the highest transferability score, LEEP or TransRate. Here it is LEEP (see
`edgecl.learning.leep`).

Deviations: the whole pool is there at once, so the best pair of all is merged, again and again, until the
pool is small enough; two groups are as near as their tasks are in the mean, in both directions. And since
LEEP is lower for a target of more classes, it is divided by the entropy of the target's labels, so that pairs
can be compared: 0 says nothing about the labels, 1 says all.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from device_runtime.recognition.adapter_pool import SharedAdapter
from edgecl.arrays import Doubles, Integers
from edgecl.learning.leep import leep

Told = Callable[[str, str], float]
"""How much the first task tells of the second one's labels."""


def similarity(said: Doubles, labels: Integers) -> float:
    """What a source's probabilities [N, Z] tell of the labels [N] of a target: LEEP / H + 1, 0…1."""
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    entropy = -float((shares * np.log(shares)).sum())
    return 1 + leep(said, labels) / entropy if entropy else 1.0


def group_adapters(pool: Sequence[SharedAdapter], budget: int, similarity: Told) -> list[list[SharedAdapter]]:
    """The members of a pool in at most `budget` groups, each to share one adapter."""
    groups = [[member] for member in pool]

    def nearness(pair: tuple[int, int]) -> float:
        one, other = ([task.task for member in groups[number] for task in member.tasks] for number in pair)
        return float(np.mean([similarity(a, b) + similarity(b, a) for a in one for b in other]))

    while len(groups) > budget:
        first, second = max(combinations(range(len(groups)), 2), key=nearness)
        groups[first] += groups.pop(second)
    return groups
