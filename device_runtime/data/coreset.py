"""Selects which recordings of a class the token cache gives up where there is no room for all of them.

Gradient coresets (GCR: Tiwari et al., CVPR 2022, §3) keep the examples whose weighted gradients add up to
nearly those of all. Under softmax cross-entropy the gradient of the head is residual × feature: as far as
the recordings of one class share a residual, matching gradients is matching the mean feature. The greedy
way to match it is herding (Welling, ICML 2009), by which iCaRL orders its exemplars (Rebuffi et al., CVPR
2017, algorithm 4).

Deviations from GCR: the features are the frozen backbone's, nothing is weighted and no gradient is
computed. So a board selects within moments, and the selection serves any adapter.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edgecl.arrays import Floats, Tokens

MIN_CLIPS = 8
"""Number of recordings of each class that are never given up."""


def summarise(tokens: Tokens) -> Floats:
    """Return the mean and deviation of a recording's tokens, as one vector of length 1.

    Args:
        tokens: [N, tokens, D].

    Returns:
        [2 D].
    """
    wide = tokens.reshape(-1, tokens.shape[-1]).astype(np.float32)
    vector: Floats = np.concatenate([wide.mean(axis=0), wide.std(axis=0)])
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def herd(vectors: Floats) -> list[int]:
    """Order vectors [n, E] so that the mean of the first k is near the mean of all, for every k."""
    mean, total = vectors.mean(axis=0), np.zeros_like(vectors[0])
    squares, order = np.square(vectors).sum(axis=1), list[int]()
    for count in range(1, len(vectors) + 1):
        gaps = squares - 2 * vectors @ (count * mean - total)  # |v − target|² − |target|²
        order.append(int(gaps.argmin()))
        total += vectors[order[-1]]
        squares[order[-1]] = np.inf
    return order


def select_evictions(
    classes: Sequence[set[str]], vectors: Mapping[str, Floats], minimum: int
) -> Iterator[str]:
    """Yield recordings in the order in which to give them up, until each class is down to a minimum.

    The largest class gives up first, and of it the recording that herding puts last.

    Args:
        classes: names of the recordings of each class; classes of different tasks may share some.
        vectors: the summary of every recording.
        minimum: number of recordings that each class keeps.
    """
    orders = [_herding_order(sorted(names), vectors) for names in classes]
    kept = {name for order in orders for name in order[:minimum]}
    while longest := max(orders, key=len, default=[]):
        name = longest.pop()
        if name not in kept:
            kept.add(name)  # yield it only once
            yield name


def _herding_order(names: list[str], vectors: Mapping[str, Floats]) -> list[str]:
    return [names[row] for row in herd(np.stack([vectors[name] for name in names]))] if names else []
