"""Which recordings of a class can be missed when there is no room for all of them.

Gradient coresets (GCR: Tiwari et al., CVPR 2022, §3) keep the examples whose weighted gradients add up to
nearly those of all. Under softmax cross-entropy the gradient of the head is residual × feature: as far as
the recordings of one class share a residual, matching gradients is matching the mean feature, and the
greedy way to that is herding (Welling, ICML 2009), as iCaRL orders its exemplars (Rebuffi et al., CVPR 2017,
algorithm 4). So much is done here. It departs from GCR in that the features are the frozen backbone's,
nothing is weighted and no gradient is computed: a board chooses in moments, and for whatever adapter is
learnt.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edgecl.arrays import Floats, Tokens

MIN_CLIPS = 8
"""So many recordings of each class are never given up."""


def summarise(tokens: Tokens) -> Floats:
    """A recording's tokens [N, tokens, D] as one vector of length 1: their mean and deviation, [2 D]."""
    wide = tokens.reshape(-1, tokens.shape[-1]).astype(np.float32)
    vector: Floats = np.concatenate([wide.mean(axis=0), wide.std(axis=0)])
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def herd(vectors: Floats) -> list[int]:
    """The rows of [n, E] in an order of which every beginning has nearly the mean of all."""
    mean, total = vectors.mean(axis=0), np.zeros_like(vectors[0])
    squares, order = np.square(vectors).sum(axis=1), list[int]()
    for count in range(1, len(vectors) + 1):
        gaps = squares - 2 * vectors @ (count * mean - total)  # |v − wanted|², but for |wanted|²
        order.append(int(gaps.argmin()))
        total += vectors[order[-1]]
        squares[order[-1]] = np.inf
    return order


def select_evictions(classes: Sequence[set[str]], vectors: Mapping[str, Floats], floor: int) -> Iterator[str]:
    """Recordings in the order in which they can be missed, until each class is down to `floor` of them.

    The class that has most gives first, and of it the one herded last.

    Args:
        classes: names of the recordings of each class; several tasks' classes may share some.
        vectors: the summary of every recording named.
    """
    orders = [_in_order(sorted(names), vectors) for names in classes]
    kept = {name for order in orders for name in order[:floor]}
    while longest := max(orders, key=len, default=[]):
        name = longest.pop()
        if name not in kept:
            kept.add(name)  # it is given once
            yield name


def _in_order(names: list[str], vectors: Mapping[str, Floats]) -> list[str]:
    return [names[row] for row in herd(np.stack([vectors[name] for name in names]))] if names else []
